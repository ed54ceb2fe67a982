"""Prompts that include others, put together."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from apps.agents.models import PromptVersion
from apps.agents.prompts import MAX_DEPTH, MAX_REFERENCES, Content, Reference, replace_references
from apps.core.exceptions import Invalid


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
