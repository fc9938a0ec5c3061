"""A subscriber of the hub with `websubsub`, a Django application. It subscribes to the topic in its first argument at the hub
in its second one, tells on each line what happens, and unsubscribes when it reads a line. It locks with the Redis in its
third argument."""

import json
import sys
import tempfile
import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

topic, hub, redis = sys.argv[1:]


def tell(**event):
    print(json.dumps(event), flush=True)


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


def serve(environ, respond):
    return application(environ, respond)


server = make_server("127.0.0.1", 0, serve, handler_class=Quiet)
settings.configure(
    ALLOWED_HOSTS=["*"],
    CELERY_TASK_ALWAYS_EAGER=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{tempfile.mkdtemp()}/db"}},
    DUMBLOCK_REDIS_URL=redis,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "websubsub"],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
    ROOT_URLCONF=__name__,
    SECRET_KEY="-",
    USE_TZ=True,
    WEBSUBSUB_AUTOFIX_URLS=True,
    WEBSUBSUB_DEFAULT_HUB_URL=hub,
    WEBSUBSUB_HUBS={},
    WEBSUBSUB_MAX_CONNECT_RETRIES=1,
    WEBSUBSUB_MAX_HUB_ERROR_RETRIES=1,
    WEBSUBSUB_MAX_VERIFY_RETRIES=1,
    WEBSUBSUB_OWN_ROOTURL=f"http://127.0.0.1:{server.server_port}/",
    WEBSUBSUB_VERIFY_WAIT_TIME=60,
)
django.setup()

from celery import Celery, shared_task
from django.urls import path

celery = Celery("subscriber")
celery.config_from_object("django.conf:settings", namespace="CELERY")
celery.set_default()

from websubsub.models import Subscription
from websubsub.views import WssView


@shared_task
def notified(data):
    tell(notified=data)


urlpatterns = [path("callback/<uuid:id>", WssView.as_view(notified), name="callback")]
application = get_wsgi_application()
call_command("migrate", verbosity=0)
threading.Thread(target=server.serve_forever, daemon=True).start()


def wait_for(field, wished):
    while True:
        status = getattr(Subscription.objects.get(), field)
        if status == wished:
            return
        if "error" in (status or "") or status == "denied":
            sys.exit(f"{field}: {status}")
        time.sleep(0.05)


Subscription.create(topic, "callback")
wait_for("subscribe_status", "verified")
tell(verified="subscribe")
sys.stdin.readline()
Subscription.objects.get().unsubscribe()
wait_for("unsubscribe_status", "verified")
tell(verified="unsubscribe")
sys.stdin.readline()
