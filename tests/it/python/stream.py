"""Reads a stream with a client of Python's and prints each event as one line of JSON."""

import json
import sys
import urllib.request

client, url = sys.argv[1:]
HEADERS = {"x-user": "root"}


def show(event, data):
    print(json.dumps({"id": event, "data": json.loads(data)}), flush=True)


if client == "sseclient":
    import requests
    import sseclient

    response = requests.get(url, stream=True, headers={**HEADERS, "accept": "text/event-stream"}, timeout=60)
    for event in sseclient.SSEClient(response).events():
        show(event.id, event.data)
elif client == "httpx":
    import httpx
    from httpx_sse import connect_sse

    with httpx.Client(timeout=60) as http, connect_sse(http, "GET", url, headers=HEADERS) as source:
        for event in source.iter_sse():
            show(event.id, event.data)
else:
    with urllib.request.urlopen(urllib.request.Request(url, headers=HEADERS), timeout=60) as lines:
        for line in lines:
            if line.strip():
                show(None, line)
