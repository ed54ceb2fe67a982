"""Routes of the adapters, at the addresses their clients expect."""

from apps.interop.cozeloop.urls import urlpatterns as cozeloop
from apps.interop.langfuse.urls import urlpatterns as langfuse

urlpatterns = [*langfuse, *cozeloop]
