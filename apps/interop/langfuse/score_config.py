"""Definitions of scores as SDKs read and write them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Invalid, NotFound
from apps.core.ids import is_uuid
from apps.interop.base import AdapterView
from apps.interop.langfuse.pages import Page
from apps.interop.langfuse.values import as_object, text
from apps.tracing.models import ScoreConfig, ScoreDataType
from apps.tracing.services.score_config import ScoreRules, create_score_config, update_score_config

_LIMITS = {"minValue": "min_value", "maxValue": "max_value"}


class ScoreConfigsView(AdapterView):
    """All of them."""

    def get(self, request: Request) -> Response:
        """By name, a page at a time."""
        configs = ScoreConfig.objects.in_workspace(self.workspace).visible_to(request.user)
        page = Page.of(configs.order_by("name"), request.query_params)
        return Response(page.body([config_row(config) for config in page.rows]))

    def post(self, request: Request) -> Response:
        """Define one."""
        body = as_object(request.data)
        data_type = text(body.get("dataType")).lower()
        if data_type not in ScoreDataType.values:
            raise Invalid("The dataType is NUMERIC, BOOLEAN, CATEGORICAL or TEXT.")
        rules = _changed(ScoreRules(name=text(body.get("name")), data_type=data_type), body)
        config = create_score_config(actor=self.actor, workspace=self.workspace, rules=rules)
        return Response(config_row(config))


class ScoreConfigView(AdapterView):
    """One of them."""

    def get(self, request: Request, config_id: str) -> Response:
        """As it is now."""
        return Response(config_row(self._find(config_id)))

    def patch(self, request: Request, config_id: str) -> Response:
        """Change what the body names."""
        config = self._find(config_id)
        values = {name: getattr(config, name) for name in ScoreRules.__slots__}
        rules = _changed(ScoreRules.from_values(values), as_object(request.data))
        return Response(config_row(update_score_config(actor=self.actor, config=config, rules=rules)))

    def _find(self, config_id: str) -> ScoreConfig:
        config_id = config_id.removesuffix("/")
        visible = ScoreConfig.objects.in_workspace(self.workspace).visible_to(self.request.user)
        config = (
            visible.select_related("workspace").filter(pk=config_id).first() if is_uuid(config_id) else None
        )
        if config is None:
            raise NotFound("There is no score config with this id.")
        return config


def _changed(rules: ScoreRules, body: dict[str, Any]) -> ScoreRules:
    """The rules with what a body says; null says nothing."""
    given: dict[str, Any] = {
        name: text(body[name]) for name in ("name", "description") if body.get(name) is not None
    }
    for theirs, ours in _LIMITS.items():
        value = body.get(theirs)
        if value is not None:
            if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e300:
                raise Invalid(f"`{theirs}` is a number.")
            given[ours] = float(value)
    if body.get("isArchived") is not None:
        given["archived"] = bool(body["isArchived"])
    if body.get("categories") is not None and rules.data_type == ScoreDataType.CATEGORICAL:
        given["categories"] = _labels(body["categories"])
    return replace(rules, **given)


def _labels(categories: Any) -> list[str]:
    """Our categories are names; their numbers follow from the order."""
    if not isinstance(categories, list):
        raise Invalid("`categories` is a list of objects with a label.")
    return [text(as_object(category).get("label")) for category in categories]


def config_row(config: ScoreConfig) -> dict[str, Any]:
    """A definition in the SDKs' shape."""
    categories = [{"value": number, "label": name} for number, name in enumerate(config.categories)]
    if config.data_type == ScoreDataType.BOOLEAN:
        categories = [{"value": 1, "label": "True"}, {"value": 0, "label": "False"}]
    return {
        "id": str(config.pk),
        "name": config.name,
        "createdAt": config.created_at,
        "updatedAt": config.updated_at,
        "projectId": str(config.workspace_id),
        "dataType": config.data_type.upper(),
        "isArchived": config.archived,
        "minValue": config.min_value,
        "maxValue": config.max_value,
        "categories": categories or None,
        "description": config.description or None,
    }
