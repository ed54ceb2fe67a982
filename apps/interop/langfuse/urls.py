"""Routes below /api/public, each with and without a slash at the end."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path, re_path

from apps.interop.langfuse import (
    comment,
    dataset,
    dataset_item,
    dataset_run,
    experiment,
    links,
    media,
    metrics,
    observation,
    score_config,
    score_list,
    session,
    trace,
)
from apps.interop.langfuse.ingestion import IngestionView
from apps.interop.langfuse.project import ProjectsView, health, unknown
from apps.interop.langfuse.prompt import PromptsView, PromptVersionView, PromptView
from apps.tracing.api.otlp import export_traces


def both(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """The route with and without a slash: a redirect would lose what is sent."""
    if "<" not in route:
        return [re_path(rf"^api/public/{route}/?$", view, name=name)]
    return [path(f"api/public/{route}{end}", view, name=name) for end in ("", "/")]


def one(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """A route that ends in a name, which takes a slash at the end along."""
    return [path(f"api/public/{route}", view, name=name)]


urlpatterns = [
    *both("otel/v1/traces", export_traces, "langfuse_traces"),
    *both("ingestion", IngestionView.as_view(), "langfuse_ingestion"),
    *both("projects", ProjectsView.as_view(), "langfuse_projects"),
    *both("health", health, "langfuse_health"),
    *both("scores", score_list.AllScoresView.as_view(), "langfuse_scores"),
    *both("v2/scores", score_list.ScorePageView.as_view(), "langfuse_scores_v2"),
    *both("v3/scores", score_list.ScoreCursorView.as_view(), "langfuse_scores_v3"),
    *one("scores/<path:score_id>", score_list.ScoreView.as_view(), "langfuse_score"),
    *one("v2/scores/<path:score_id>", score_list.ScoreView.as_view(), "langfuse_score_v2"),
    *both("score-configs", score_config.ScoreConfigsView.as_view(), "langfuse_score_configs"),
    *one("score-configs/<path:config_id>", score_config.ScoreConfigView.as_view(), "langfuse_score_config"),
    *both("comments", comment.CommentsView.as_view(), "langfuse_comments"),
    *one("comments/<path:comment_id>", comment.CommentView.as_view(), "langfuse_comment"),
    *both("traces", trace.TracesView.as_view(), "langfuse_trace_list"),
    *one("traces/<path:trace_id>", trace.TraceView.as_view(), "langfuse_trace"),
    *both("observations", observation.ObservationsView.as_view(), "langfuse_observations"),
    *one("observations/<path:observation_id>", observation.ObservationView.as_view(), "langfuse_observation"),
    *both("v2/observations", observation.ObservationCursorView.as_view(), "langfuse_observations_v2"),
    *both("metrics", metrics.MetricsView.as_view(), "langfuse_metrics"),
    *both("v2/metrics", metrics.MetricsView.as_view(), "langfuse_metrics_v2"),
    *both("sessions", session.SessionsView.as_view(), "langfuse_sessions"),
    *one("sessions/<path:session_id>", session.SessionView.as_view(), "langfuse_session"),
    *both("v2/prompts", PromptsView.as_view(), "langfuse_prompts"),
    # names hold slashes, so the longer routes come first
    *both(
        "v2/prompts/<path:name>/versions/<int:number>", PromptVersionView.as_view(), "langfuse_prompt_version"
    ),
    *one("v2/prompts/<path:name>", PromptView.as_view(), "langfuse_prompt"),
    *both("datasets/<path:name>/runs", dataset_run.DatasetRunsView.as_view(), "langfuse_dataset_runs"),
    *one(
        "datasets/<path:name>/runs/<path:run_name>",
        dataset_run.DatasetRunView.as_view(),
        "langfuse_dataset_run",
    ),
    *both("dataset-run-items", dataset_run.DatasetRunItemsView.as_view(), "langfuse_dataset_run_items"),
    *both("experiments", experiment.ExperimentsView.as_view(), "langfuse_experiments"),
    *both("experiment-items", experiment.ExperimentItemsView.as_view(), "langfuse_experiment_items"),
    *both("v2/datasets", dataset.DatasetsView.as_view(), "langfuse_datasets"),
    *one("v2/datasets/<path:name>", dataset.DatasetView.as_view(), "langfuse_dataset"),
    *both("dataset-items", dataset_item.DatasetItemsView.as_view(), "langfuse_dataset_items"),
    *one("dataset-items/<path:item_id>", dataset_item.DatasetItemView.as_view(), "langfuse_dataset_item"),
    *both("media", media.MediaListView.as_view(), "langfuse_media"),
    *one("media/<str:media_id>", media.MediaView.as_view(), "langfuse_media_file"),
    *one("media/<str:media_id>/content", media.media_content, "langfuse_media_content"),
    re_path(r"^api/public/", unknown, name="langfuse_unknown"),
    path("project/<uuid:project_id>/traces/<str:trace_id>", links.trace_link, name="langfuse_trace_link"),
    path(
        "project/<uuid:project_id>/datasets/<uuid:dataset_id>/runs/<str:code>",
        links.run_link,
        name="langfuse_run_link",
    ),
    path(
        "project/<uuid:project_id>/experiments/results",
        links.experiment_link,
        name="langfuse_experiment_link",
    ),
]
