"""Filters of the tracing API."""

from django_filters import rest_framework as filters

from apps.tracing.models import Score, ScoreDataType, ScoreSource


class ScoreFilterSet(filters.FilterSet):  # type: ignore[misc]  # django-filter carries no types
    """Filters of the score list."""

    trace_id = filters.CharFilter()
    observation_id = filters.CharFilter()
    session_id = filters.CharFilter()
    dataset_run_id = filters.CharFilter()
    environment = filters.CharFilter()
    name = filters.CharFilter()
    source = filters.ChoiceFilter(choices=ScoreSource.choices)
    data_type = filters.ChoiceFilter(choices=ScoreDataType.choices)
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Score
        fields: list[str] = []
