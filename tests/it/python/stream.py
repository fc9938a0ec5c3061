"""Reads a stream with a client of Python's, comes back whenever it ends, and prints each event as one line of JSON."""

import json
import sys
import time
import urllib.request

client, url, key = sys.argv[1:]
HEADERS = {"authorization": f"Bearer {key}"}
SSE = {**HEADERS, "accept": "text/event-stream"}


def show(name, event, data):
    """Prints an event. Those of the stream itself, which have names of their own, aren't printed."""
    if not (name or "").startswith("thorn."):
        print(json.dumps({"id": event, "data": json.loads(data)}), flush=True)


def again(read):
    """Reads with the last id that `read` yielded, again and again."""
    last = None
    while True:
        try:
            for event in read(last):
                last = event or last  # An event without an id, such as `thorn.bye`, leaves the last one.
        except OSError:  # The server is gone.
            pass
        time.sleep(0.2)


def after(last):
    return {**SSE, "last-event-id": last} if last else SSE


if client == "sseclient":
    import requests
    import sseclient

    def read(last):
        with requests.get(url, stream=True, headers=after(last), timeout=60) as response:
            for event in sseclient.SSEClient(response).events():
                show(event.event, event.id, event.data)
                yield event.id

    again(read)
elif client == "httpx_sse":
    import httpx
    from httpx_sse import connect_sse

    def read(last):
        try:
            with httpx.Client(timeout=60) as http, connect_sse(http, "GET", url, headers=after(last)) as source:
                for event in source.iter_sse():
                    show(event.event, event.id, event.data)
                    yield event.id
        except httpx.TransportError as error:
            raise OSError from error

    again(read)
elif client == "requests_sse":
    from requests_sse import EventSource

    # It comes back by itself, with the last id.
    source = EventSource(url, headers=HEADERS, timeout=60, max_connect_retry=20)
    with source:
        for event in source:
            show(event.type, event.last_event_id, event.data)
elif client == "ld_eventsource":
    from ld_eventsource import SSEClient
    from ld_eventsource.config import ConnectStrategy, ErrorStrategy

    # So does this one.
    source = SSEClient(ConnectStrategy.http(url, headers=HEADERS), error_strategy=ErrorStrategy.always_continue())
    for event in source.events:
        show(event.event, event.last_event_id, event.data)
else:

    def read(last):
        path = url.replace("after=earliest", f"after={last}") if last else url
        with urllib.request.urlopen(urllib.request.Request(path, headers=HEADERS), timeout=60) as lines:
            for line in lines:
                record = json.loads(line) if line.strip() else {"control": "heartbeat"}
                if "control" not in record:
                    show(None, record["cursor"], line)
                    yield record["cursor"]

    again(read)
