"""The REST API under /api/v1/ and its description."""

from __future__ import annotations

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.core.api.authentication.ApiKeyAuthentication",
        "apps.core.api.authentication.ConsoleSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "apps.core.api.permissions.HasScope",
        "apps.core.api.permissions.HasWorkspace",
    ],
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.pagination.CreatedCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "apps.core.api.schema.WorkspaceAutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["apps.core.api.throttling.ApiKeyThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "apps.core.api.parsers.BoundedJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "EXCEPTION_HANDLER": "apps.core.api.problems.problem_exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Flywheel API",
    "DESCRIPTION": "Build, run, watch, judge and improve LLM applications.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": ["apps.core.api.authentication.ConsoleSessionAuthentication"],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ConversationSourceEnum": "apps.agents.models.Source",
        "ScoreSourceEnum": "apps.tracing.models.score.ScoreSource",
        "PromptTypeEnum": "apps.agents.models.prompt.PromptType",
        "MessageRoleEnum": "apps.agents.models.MessageRole",
        "WorkspaceRoleEnum": "apps.core.access.Role",
        "ObservationTypeEnum": [
            "span",
            "generation",
            "event",
            "agent",
            "tool",
            "chain",
            "retriever",
            "embedding",
            "reranker",
            "evaluator",
            "guardrail",
            "workflow",
            "node",
        ],
        "WorkflowKindEnum": "apps.workflows.models.WorkflowKind",
        "TriggerTypeEnum": "apps.workflows.models.TriggerType",
        "TriggerKindEnum": "apps.workflows.models.TriggerKind",
        "RunStateEnum": "apps.workflows.models.RunState",
        "WaitStateEnum": "apps.workflows.models.WaitState",
        "FiringStateEnum": "apps.workflows.models.FiringState",
        "ChangeKindEnum": ["added", "removed", "changed", "moved"],
    },
}
