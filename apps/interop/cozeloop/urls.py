"""Routes below /v1/loop."""

from django.urls import path

from apps.interop.cozeloop.execute import ExecuteStreamingView, ExecuteView
from apps.interop.cozeloop.files import FilesView
from apps.interop.cozeloop.ingest import ingest_spans
from apps.interop.cozeloop.prompts import PromptsView

urlpatterns = [
    path("v1/loop/traces/ingest", ingest_spans, name="cozeloop_ingest"),
    path("v1/loop/files/upload", FilesView.as_view(), name="cozeloop_files"),
    path("v1/loop/prompts/mget", PromptsView.as_view(), name="cozeloop_prompts"),
    path("v1/loop/prompts/execute", ExecuteView.as_view(), name="cozeloop_execute"),
    path(
        "v1/loop/prompts/execute_streaming", ExecuteStreamingView.as_view(), name="cozeloop_execute_streaming"
    ),
]
