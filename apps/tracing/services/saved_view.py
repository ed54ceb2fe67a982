"""Writes on saved views."""

from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidView
from apps.tracing.models import SavedView

MAX_NAME = 100
MAX_QUERY = 8_000
#: A place in the list, and forms of the page, are no part of a view.
_PASSING = frozenset({"cursor", "fragment"})


@transaction.atomic
def save_view(
    *, actor: Actor, workspace: Workspace, list_name: str, name: str, query: str, shared: bool = False
) -> SavedView:
    """Keep a list under a name; the person's view of the same name is replaced. Raises InvalidView."""
    permissions.require_in(actor, "add", SavedView, workspace)
    name = name.replace("\0", "").strip()
    if actor.user is None:
        raise InvalidView(_("A view belongs to a person."))
    if not name or len(name) > MAX_NAME:
        raise InvalidView(_("A view needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME})
    kept = [pair for pair in parse_qsl(query.replace("\0", "")) if pair[0] not in _PASSING]
    query = urlencode(kept)
    if len(query) > MAX_QUERY:
        raise InvalidView(_("These are too many filters for one view."))
    view, created = SavedView.objects.update_or_create(
        workspace=workspace,
        list_name=list_name,
        owner=actor.user,
        name=name,
        defaults={"query": query, "shared": shared},
    )
    action = "tracing.saved_view.create" if created else "tracing.saved_view.update"
    audit.record(actor=actor, action=action, obj=view, after=audit.snapshot(view))
    return view


@transaction.atomic
def delete_view(*, actor: Actor, view: SavedView) -> None:
    """Forget a view of one's own; raises NotAllowed for somebody else's."""
    permissions.require(actor, "delete", view)
    if actor.user is not None and view.owner_id != actor.user.pk:
        raise NotAllowed(_("Only the owner of a view may delete it."))
    audit.record(actor=actor, action="tracing.saved_view.delete", obj=view, before=audit.snapshot(view))
    view.delete()
