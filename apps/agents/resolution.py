"""Prompts that include others, put together."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from uuid import UUID

from django.utils.translation import gettext as _

from apps.agents.models import PromptVersion
from apps.agents.prompts import (
    MAX_DEPTH,
    MAX_REFERENCES,
    Content,
    Reference,
    references_of,
    replace_references,
)
from apps.core.exceptions import Invalid

_KEPT_VERSIONS = 500
_KEPT_SECONDS = 3_600.0
#: How long a change of an included prompt may go unseen.
_INCLUDED_SECONDS = 5.0


class _Kept:
    """Content of versions that were used last. A version never changes; what it includes can, and is looked up again
    after a few seconds."""

    def __init__(self) -> None:
        self._rows: OrderedDict[UUID, tuple[float, Content]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, pk: UUID) -> Content | None:
        """The content, when it is known and not too old."""
        with self._lock:
            until, content = self._rows.get(pk, (0.0, ""))
            return content if time.monotonic() < until else None

    def put(self, pk: UUID, content: Content, seconds: float) -> None:
        """Keep a content for a time."""
        with self._lock:
            self._rows[pk] = (time.monotonic() + seconds, content)
            self._rows.move_to_end(pk)
            while len(self._rows) > _KEPT_VERSIONS:
                self._rows.popitem(last=False)


_kept = _Kept()


def cached_content(version: PromptVersion) -> Content:
    """`resolve_content` for what answers need all the time; changes of included prompts are seen a few seconds late."""
    content = _kept.get(version.pk)
    if content is None:
        content = resolve_content(version)
        seconds = _INCLUDED_SECONDS if references_of(version.content) else _KEPT_SECONDS
        _kept.put(version.pk, content, seconds)
    return content


def resolve_content(version: PromptVersion) -> Content:
    """The version's content with the prompts it includes put in.

    Raises Invalid when one is missing, is no text, or includes itself. Included prompts are of the same workspace, in
    which a reader of one may read all.
    """
    return _resolved(version.content, version.workspace_id, [version.prompt.name], [0])


def include_prompts(workspace_id: UUID, content: Content) -> Content:
    """The same for content that is no version (yet)."""
    return _resolved(content, workspace_id, [], [0])


def _resolved(content: Content, workspace_id: UUID, path: list[str], count: list[int]) -> Content:
    def text_of(reference: Reference) -> str:
        count[0] += 1
        if reference.name in path:
            raise Invalid(
                _("A prompt can't include itself: %(path)s.") % {"path": " → ".join([*path, reference.name])}
            )
        if len(path) > MAX_DEPTH or count[0] > MAX_REFERENCES:
            raise Invalid(_("The prompt includes too many others."))
        included = (
            PromptVersion.objects.filter(workspace_id=workspace_id, prompt__name=reference.name)
            .pointed_at(version=reference.version, label=reference.label)
            .select_related("prompt")
            .first()
        )
        if included is None or not isinstance(included.content, str):
            raise Invalid(_("There is no text prompt “%(name)s” to include.") % {"name": reference.name})
        return str(_resolved(included.content, workspace_id, [*path, reference.name], count))

    return replace_references(content, text_of)
