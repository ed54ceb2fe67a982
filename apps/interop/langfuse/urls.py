"""Routes below /api/public, each with and without a slash at the end."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path, re_path

from apps.interop.langfuse import links
from apps.interop.langfuse.ingestion import IngestionView
from apps.interop.langfuse.project import ProjectsView, health, unknown
from apps.interop.langfuse.prompt import PromptsView, PromptVersionView, PromptView
from apps.interop.langfuse.score import ScoresView
from apps.tracing.api.otlp import export_traces


def both(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """The route with and without a slash: a redirect would lose what is sent."""
    return [path(f"api/public/{route}{end}", view, name=name) for end in ("", "/")]


urlpatterns = [
    *both("otel/v1/traces", export_traces, "langfuse_traces"),
    *both("ingestion", IngestionView.as_view(), "langfuse_ingestion"),
    *both("scores", ScoresView.as_view(), "langfuse_scores"),
    *both("projects", ProjectsView.as_view(), "langfuse_projects"),
    *both("health", health, "langfuse_health"),
    *both("v2/prompts", PromptsView.as_view(), "langfuse_prompts"),
    # names hold slashes, so the longer route comes first
    *both(
        "v2/prompts/<path:name>/versions/<int:number>", PromptVersionView.as_view(), "langfuse_prompt_version"
    ),
    path("api/public/v2/prompts/<path:name>", PromptView.as_view(), name="langfuse_prompt"),
    re_path(r"^api/public/", unknown, name="langfuse_unknown"),
    path("project/<uuid:project_id>/traces/<str:trace_id>", links.trace_link, name="langfuse_trace_link"),
]
