"""Composition root for the network: HTTP to Django, WebSockets to the consumers."""

import gc
import os
import sys

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guoxue.settings")
django_application = get_asgi_application()

# These need the app registry.
import guoxue.llm.reading  # noqa: E402, F401 — loads the SDK, which no first reader should wait for
from chat.routing import websocket_urlpatterns  # noqa: E402
from chat.streaming.engine import get_engine  # noqa: E402
from knowledge.retrieval.warming import warm_up_in_background  # noqa: E402


async def drain() -> None:
    """End what this process does for its clients, before it stops."""
    await get_engine().drain()


application = ProtocolTypeRouter(
    {"http": django_application, "websocket": URLRouter([*websocket_urlpatterns])}
)
warm_up_in_background()
# What is loaded by now lives as long as the process. To look through it for garbage would hold up every stream for a
# tenth of a second and more.
gc.collect()
gc.freeze()
# So long the event loop waits for a thread that computes, whenever it has to; the default is 5 ms.
sys.setswitchinterval(0.0005)
