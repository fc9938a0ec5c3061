"""Verifies deliveries as a receiver in Python does: one JSON object a line in, one verdict a line out."""

import base64
import hashlib
import hmac
import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def standard(secret, body, headers):
    # The package takes text for base64; a secret of another form is its own key.
    key = secret if secret.startswith("whsec_") else secret.encode()
    try:
        Webhook(key).verify(body, headers)
    except WebhookVerificationError as error:
        return str(error)
    except json.JSONDecodeError:
        pass  # The package parses what it has verified, and a form is no JSON.
    return "verified"


def hook_hmac(secret, digest, body, headers):
    made = hmac.new(secret.encode(), body, getattr(hashlib, digest)).digest()
    fits = hmac.compare_digest(made, base64.b64decode(headers["hook-hmac"], validate=True))
    return "verified" if fits else "refused"


for line in sys.stdin:
    given = json.loads(line)
    secret, headers, body = given["secret"], given["headers"], bytes.fromhex(given["body"])
    verdict = {
        "standard": standard(secret, body, headers),
        "hook_hmac": hook_hmac(secret, given["digest"], body, headers),
    }
    print(json.dumps(verdict))
