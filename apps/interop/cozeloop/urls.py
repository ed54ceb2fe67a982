"""Routes below /v1/loop."""

from django.urls import path

from apps.interop.cozeloop.ingest import ingest_spans
from apps.interop.cozeloop.prompts import PromptsView

urlpatterns = [
    path("v1/loop/traces/ingest", ingest_spans, name="cozeloop_ingest"),
    path("v1/loop/prompts/mget", PromptsView.as_view(), name="cozeloop_prompts"),
]
