"""Running a query in several modes for the hit-testing page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError

from apps.core.exceptions import FlywheelError
from apps.knowledge.models import KnowledgeBase
from apps.knowledge.retrieval import Retrieval, RetrievalSettings, retrieve_sync

MODES: list[tuple[str, str | Promise]] = [
    ("hybrid", _("Hybrid")),
    ("vector", _("Vectors")),
    ("full_text", _("Full text")),
]


@dataclass(slots=True)
class HitTest:
    """What to try."""

    query: str
    bases: list[KnowledgeBase]
    settings: RetrievalSettings
    problems: list[str] = field(default_factory=list)

    @classmethod
    def from_query(cls, query: Mapping[str, str], bases: list[KnowledgeBase]) -> HitTest:
        """Read the form; values that make no sense fall back to the base's settings and are reported."""
        base_settings = bases[0].retrieval_settings if bases else RetrievalSettings()
        given = {key: query[key] for key in ("top_k", "alpha", "fusion", "score_threshold") if query.get(key)}
        text = str(query.get("q", "")).replace("\x00", "").strip()
        try:
            settings = RetrievalSettings.model_validate({**base_settings.model_dump(), **given})
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
            return cls(text, bases, base_settings, problems)
        return cls(text, bases, settings)


@dataclass(frozen=True, slots=True)
class Column:
    """The result of one mode."""

    mode: str
    title: str | Promise
    retrieval: Retrieval | None
    error: str = ""


def run_hit_test(test: HitTest) -> list[Column]:
    """One column per mode; a mode whose model fails says why beside the others."""
    columns = []
    for mode, title in MODES:
        settings = test.settings.model_copy(update={"mode": mode})
        columns.append(_column(test, mode, title, settings))
    return columns


def _column(test: HitTest, mode: str, title: str | Promise, settings: RetrievalSettings) -> Column:
    try:
        retrieval = retrieve_sync(bases=test.bases, query=test.query, settings=settings)
    except FlywheelError as error:
        return Column(mode, title, None, str(error.detail))
    return Column(mode, title, retrieval)
