"""Judges the OpenAPI document at a URL, and prints the version of OpenAPI that it has."""

import json
import sys
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

document = json.load(urllib.request.urlopen(sys.argv[1]))
validate(document, cls=OpenAPIV31SpecValidator)
print(document["openapi"])
