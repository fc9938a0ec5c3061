"""The official SDK for CloudEvents in Python, at both ends.

`read` decodes deliveries: one JSON object a line in, with headers and the body in hexadecimal digits, and one out.
`write` prints two requests with one event each: in binary mode, and structured.
"""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent


def read(given):
    event = from_http_event(HTTPMessage(headers=given["headers"], body=bytes.fromhex(given["body"])))
    attributes = event.get_attributes()
    data = event.get_data()
    if isinstance(data, (bytes, bytearray)):
        data = {"bytes": data.hex()}
    texts = {name: value if isinstance(value, (str, int, bool)) else value.isoformat() for name, value in attributes.items()}
    return {"attributes": texts, "data": data}


def write():
    for source in ("/python/binary", "/python/structured"):
        attributes = {
            "id": "python-1",
            "source": source,
            "type": "sdk.python",
            "specversion": "1.0",
            "subject": "Zoë 100 %",
            "datacontenttype": "application/json",
            "extra": "é",
        }
        event = CloudEvent(attributes=attributes, data={"by": "python", "é": [1, 2.5]})
        message = (to_binary_event if source.endswith("binary") else to_structured_event)(event)
        body = message.body if isinstance(message.body, bytes) else message.body.encode()
        yield {"headers": message.headers, "body": body.hex()}


if sys.argv[1] == "write":
    for message in write():
        print(json.dumps(message))
else:
    for line in sys.stdin:
        print(json.dumps(read(json.loads(line))))
