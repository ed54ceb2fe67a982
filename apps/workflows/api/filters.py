"""Filters of lists in the API."""

from __future__ import annotations

import django_filters

from apps.workflows.models import (
    RunState,
    RunWait,
    TriggerKind,
    WaitState,
    Workflow,
    WorkflowKind,
    WorkflowRun,
)


class WorkflowFilter(django_filters.FilterSet):  # type: ignore[misc]  # the package carries no types
    """By kind, archive and name."""

    kind = django_filters.ChoiceFilter(choices=WorkflowKind.choices)
    archived = django_filters.BooleanFilter()
    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Workflow
        fields = ["kind", "archived", "name"]


class RunFilter(django_filters.FilterSet):  # type: ignore[misc]  # as above
    """By workflow, state, what started it, person and time."""

    workflow = django_filters.UUIDFilter(field_name="workflow_id")
    state = django_filters.MultipleChoiceFilter(choices=RunState.choices)
    trigger = django_filters.ChoiceFilter(field_name="trigger_kind", choices=TriggerKind.choices)
    conversation = django_filters.UUIDFilter(field_name="conversation_id")
    user = django_filters.CharFilter(field_name="external_user")
    parent = django_filters.UUIDFilter(field_name="parent_id")
    after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = WorkflowRun
        fields = ["workflow", "state", "trigger"]


class WaitFilter(django_filters.FilterSet):  # type: ignore[misc]  # as above
    """By run and state."""

    run = django_filters.UUIDFilter(field_name="run_id")
    state = django_filters.ChoiceFilter(choices=WaitState.choices)

    class Meta:
        model = RunWait
        fields = ["run", "state"]
