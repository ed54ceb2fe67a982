"""What all console pages of workflows share."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from apps.core import permissions
from apps.core.admin.pages import ConsolePage
from apps.core.admin.role import role_allows
from apps.core.api.problems import problem_response
from apps.core.exceptions import FlywheelError, Invalid, NotFound
from apps.core.ids import is_uuid
from apps.core.models import User
from apps.workflows.models import Workflow, WorkflowRun
from apps.workflows.selectors import get_run, get_workflow


class WorkflowsPage(ConsolePage):
    """A page of this part; everything the person may not see does not exist for them."""

    @property
    def person(self) -> User:
        """The signed-in person."""
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        return user

    def may_in(self, action: str, model: type[Workflow | WorkflowRun] = Workflow) -> bool:
        """Whether the person may do `action` on objects of this workspace."""
        return role_allows(self.request, action, model)


class WorkflowPage(WorkflowsPage):
    """A page about one workflow, with the tabs above it."""

    action: ClassVar[str] = "view"
    tab: ClassVar[str] = ""

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """The workflow has to exist for the person."""
        self.request = request
        self.workflow = find_workflow(self, kwargs["pk"], self.action)

    def may(self, action: str) -> bool:
        """Whether the person may do `action` on the workflow."""
        return permissions.allows(self.person, action, self.workflow)

    def render(self, context: dict[str, Any], status: int = 200) -> TemplateResponse:
        """Add what head and tabs show."""
        head = {
            "title": self.workflow.name,
            "workflow": self.workflow,
            "tab": self.tab,
            "may_change": self.may("change") and not self.workflow.archived,
            "may_archive": self.may("change"),
            "may_delete": self.may("delete"),
            "may_share": self.may_in("change"),
            "may_run": self.may("run") and not self.workflow.archived,
        }
        return super().render({**head, **context}, status)


class JsonMixin:
    """A page that scripts post JSON to: answers are JSON, refusals problem documents."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Read the object in the body, act, answer."""
        try:
            return JsonResponse(self.act(read_object(request), **kwargs))
        except FlywheelError as error:
            return problem_response(error)

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Do what was asked; returns the answer."""
        raise NotImplementedError


def find_workflow(page: WorkflowsPage, pk: UUID, action: str = "view") -> Workflow:
    """A workflow of the current workspace, or 404."""
    try:
        return get_workflow(page.workspace, page.person, pk, action)
    except NotFound:
        raise Http404 from None


def find_run(page: WorkflowsPage, pk: UUID) -> WorkflowRun:
    """A run of the current workspace, or 404."""
    try:
        return get_run(page.workspace, page.person, pk)
    except NotFound:
        raise Http404 from None


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in a request's body; raises Invalid."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Invalid(_("The request is no JSON.")) from None
    if not isinstance(body, dict):
        raise Invalid(_("The request is no JSON object."))
    return body


def text_of(body: dict[str, Any], name: str, limit: int = 10_000) -> str:
    """A text of a JSON body; "" when it is missing or something else."""
    value = body.get(name)
    # PostgreSQL refuses NUL in any text
    return value.replace("\x00", "")[:limit] if isinstance(value, str) else ""


def number_of(body: dict[str, Any], name: str) -> int | None:
    """A whole number of a JSON body, or None."""
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def uuid_of(text: str) -> UUID | None:
    """The UUID in a text, or None."""
    return UUID(text) if is_uuid(text) else None


def search_of(request: HttpRequest) -> str:
    """The search text in the address."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:200]


def query_without(request: HttpRequest, *names: str) -> str:
    """The query string without some parameters."""
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()


def see_other(url: str) -> HttpResponse:
    """A redirect after a POST."""
    return HttpResponse(status=303, headers={"Location": url})
