"""What a retrieval will do: which side runs for which base, and what to tell the caller about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from apps.knowledge.analysis import analyze, detect_language, is_english
from apps.knowledge.indexing import reads
from apps.knowledge.models import KnowledgeBase
from apps.knowledge.settings import RetrievalSettings
from apps.providers.models import Model

#: A longer query is an accident or a whole document; its first part says what it is about.
MAX_QUERY_CHARACTERS = 4_000


@dataclass(slots=True)
class Plan:
    """``groups``: bases to search by vectors, by embedding model. ``terms``: analysed query, term to
    count."""

    query: str
    settings: RetrievalSettings
    base_ids: list[UUID]
    terms: Counter[str]
    groups: list[tuple[Model, list[UUID]]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def uses_text(self) -> bool:
        """Whether full text takes part: as asked, or because no base can be searched by vectors."""
        return self.settings.mode != "vector" or not self.groups

    @property
    def mode(self) -> str:
        """What is really done."""
        if not self.groups:
            return "full_text"
        return "hybrid" if self.uses_text else "vector"


def make_plan(bases: Sequence[KnowledgeBase], query: str, settings: RetrievalSettings) -> Plan:
    """Decide per base; embedding models must be joined to the bases."""
    text = query.replace("\x00", "").strip()[:MAX_QUERY_CHARACTERS]
    plan = Plan(text, settings, [base.pk for base in bases], Counter(analyze(text)))
    if settings.mode != "full_text" and text:
        language = _language(text)
        by_model: dict[UUID, tuple[Model, list[UUID]]] = {}
        for base in bases:
            model = base.embedding_model
            if _usable(base, model, language, plan) and model is not None:
                by_model.setdefault(model.pk, (model, []))[1].append(base.pk)
        plan.groups = list(by_model.values())
    return plan


def _usable(base: KnowledgeBase, model: Model | None, language: str, plan: Plan) -> bool:
    """Whether vectors help with this query in this base; a notice says why not."""
    notice = ""
    if model is None or not model.enabled:
        notice = _("“%(base)s” has no embedding model in use: searched by full text only.")
    elif not reads(model, language):
        notice = _(
            "The embedding model of “%(base)s” can't read the query's language: searched by full text only."
        )
    elif not reads(model, base.language):
        notice = _("The embedding model of “%(base)s” can't read its language: searched by full text only.")
    if notice:
        plan.notices.append(notice % {"base": base.name})
    return not notice


def _language(query: str) -> str:
    """The query's language; short Latin text counts as English (see ``is_english``)."""
    return "en" if is_english(query) else detect_language(query)
