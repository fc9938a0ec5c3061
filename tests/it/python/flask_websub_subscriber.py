"""A subscriber of the hub with `flask-websub`. It subscribes to the topic in its first argument, tells on each line what
happens, and unsubscribes when it reads a line."""

import json
import sys
import tempfile
import threading

from flask import Flask
from flask_websub.subscriber import (
    SQLite3SubscriberStorage,
    SQLite3TempSubscriberStorage,
    Subscriber,
    discover,
)
from werkzeug.serving import make_server


def tell(**event):
    print(json.dumps(event), flush=True)


folder = tempfile.mkdtemp()
subscriber = Subscriber(
    SQLite3SubscriberStorage(f"{folder}/subscriptions"),
    SQLite3TempSubscriberStorage(f"{folder}/requests"),
)
subscriber.add_success_handler(lambda topic, callback, mode: tell(verified=mode))
subscriber.add_error_handler(lambda topic, callback, reason: tell(denied=reason))
subscriber.add_listener(lambda topic, callback, body: tell(notified=body.decode()))

app = Flask(__name__)
app.register_blueprint(subscriber.build_blueprint(url_prefix="/callbacks"))
server = make_server("127.0.0.1", 0, app, threaded=True)
app.config["SERVER_NAME"] = f"127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()

with app.app_context():
    # Anything but 202 is an exception.
    callback = subscriber.subscribe(**discover(sys.argv[1]))
    sys.stdin.readline()
    subscriber.unsubscribe(callback)
    sys.stdin.readline()
