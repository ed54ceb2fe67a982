"""Questions, forms and approvals that wait for the person."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from apps.core.exceptions import Invalid
from apps.core.ids import is_uuid
from apps.core.models import User, Workspace
from apps.workflows.admin.base import JsonMixin, WorkflowsPage, query_without, text_of, uuid_of
from apps.workflows.admin.lists import keyset
from apps.workflows.models import RunWait
from apps.workflows.services.answering import give_answer, waits_for

PER_PAGE = 20
#: The number beside the navigation entry may be this many seconds old: every page of the console asks for it.
COUNT_SECONDS = 15
MOST = 99
#: Large columns that the inbox does not show.
_UNUSED = (
    "run__workflow__draft",
    "run__workflow__draft_text",
    "run__workflow__secrets",
    "run__document",
    "run__outputs",
)


class WaitsPage(JsonMixin, WorkflowsPage):
    """What the person may answer, oldest last. POST answers: wait, action, values."""

    title = gettext_lazy("Waiting for an answer")
    template_name = "workflows/wait_list.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Open ones, or with `state=all` those that were answered too."""
        state = "all" if request.GET.get("state") == "all" else "open"
        found = waits_for(self.person, self.workspace).select_related("run__workflow", "answered_by")
        found = found.defer(*_UNUSED)
        if state == "open":
            found = found.open()
        workflow = uuid_of(request.GET.get("workflow", ""))
        if workflow is not None:
            found = found.filter(run__workflow=workflow)
        page = keyset(
            found, before=request.GET.get("before", ""), after=request.GET.get("after", ""), size=PER_PAGE
        )
        return {
            "page": page,
            "waits": page.rows,
            "state": state,
            "query": query_without(request, "before", "after"),
            "data": {
                "url": request.path,
                "waits": [described(wait) for wait in page.rows if wait.state == "open"],
            },
        }

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Answer."""
        values = body.get("values")
        if not isinstance(values, dict):
            raise Invalid
        wait = give_answer(
            actor=self.actor,
            wait=self._find(text_of(body, "wait")),
            action=text_of(body, "action", 100),
            values=values,
        )
        cache.delete(_key(self.person, self.workspace))
        return {"state": wait.state, "run": reverse("admin:workflows_run", args=[wait.run_id])}

    def _find(self, key: str) -> RunWait:
        wait = (
            RunWait.objects.in_workspace(self.workspace)
            .visible_to(self.person)
            .select_related("run", "workspace")
            .filter(pk__in=[key] if is_uuid(key) else [])
            .first()
        )
        if wait is None:
            raise Http404
        return wait


def described(wait: RunWait) -> dict[str, Any]:
    """A wait as the form in the browser takes it."""
    return {
        "id": str(wait.pk),
        "path": wait.path,
        "kind": wait.kind,
        "payload": wait.payload,
        "expires_at": wait.expires_at.isoformat() if wait.expires_at else None,
    }


def open_count(request: HttpRequest) -> str:
    """How many wait for the person, for the navigation; "" for none."""
    workspace = getattr(request, "workspace", None)
    if not workspace or not isinstance(request.user, User):
        return ""
    key = _key(request.user, workspace)
    count = cache.get(key)
    if count is None:
        count = waits_for(request.user, workspace).open().order_by()[: MOST + 1].count()
        cache.set(key, count, COUNT_SECONDS)
    if not count:
        return ""
    return f"{MOST}+" if count > MOST else str(count)


def _key(user: User, workspace: Workspace) -> str:
    return f"workflows.waits.{workspace.pk}.{user.pk}"
