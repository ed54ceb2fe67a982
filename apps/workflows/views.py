"""The public page of a form that a run waits for. Its address is the permission; nothing internal is shown."""

from __future__ import annotations

import json
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views import View

from apps.core.actors import Actor
from apps.core.api.problems import problem_response
from apps.core.exceptions import FlywheelError, Invalid, NotFound, TooLarge
from apps.core.models import User
from apps.workflows.exceptions import WaitClosedError
from apps.workflows.models import RunWait, WaitState
from apps.workflows.selectors import wait_by_token
from apps.workflows.services.answering import give_answer
from apps.workflows.services.run_file import keep_file

_MAX_BODY: Final = 2_000_000
#: How many files one visitor may leave at one form.
_MAX_FILES: Final = 50


class FormPage(View):
    """`/runs/forms/<token>/`: shows the form; a POST of JSON (action, values) answers it."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The form, or what became of it."""
        wait = _found(token)
        is_open = wait.state == WaitState.OPEN
        payload = wait.payload if isinstance(wait.payload, dict) else {}
        data = {
            "wait": {
                "kind": wait.kind,
                "path": "",
                "payload": {name: value for name, value in payload.items() if name in _SHOWN},
                "expires_at": wait.expires_at.isoformat() if wait.expires_at else None,
            },
            "url": request.path,
            "files": f"{request.path}files/",
        }
        context = {
            "title": str(payload.get("title") or "") or _("Your answer is needed"),
            "wait": wait,
            "is_open": is_open,
            "data": data if is_open else None,
        }
        return render(request, "workflows/form_page.html", context, status=200 if is_open else 410)

    def post(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Answer."""
        try:
            wait = _found(token)
            body = _body(request)
            values = body.get("values")
            if not isinstance(values, dict):
                raise Invalid(_("Send an object of values."))
            give_answer(
                actor=_actor(request),
                wait=wait,
                action=str(body.get("action") or ""),
                values=values,
                by_token=True,
            )
        except FlywheelError as error:
            return problem_response(error)
        return JsonResponse({"state": "answered"})


class FormFilePage(View):
    """`/runs/forms/<token>/files/`: keeps a file for an open form; answers with what the form takes as its value."""

    def post(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Keep the file in the field `file`."""
        try:
            return JsonResponse(self._keep(request, token), status=201)
        except FlywheelError as error:
            return problem_response(error)

    def _keep(self, request: HttpRequest, token: str) -> dict[str, Any]:
        wait = _found(token)
        if wait.state != WaitState.OPEN:
            raise WaitClosedError
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > settings.MAX_UPLOAD_BYTES + _MAX_BODY:
            raise TooLarge(_("The file is too large."))
        file = request.FILES.get("file")
        if file is None:
            raise Invalid(_("Send a file."))
        number = wait.run.files.filter(key__startswith=f"form:{wait.pk}:").count()
        if number >= _MAX_FILES:
            raise TooLarge(_("No more files can be added to this form."))
        kept = keep_file(
            actor=_actor(request),
            workspace=wait.workspace,
            run_id=wait.run_id,
            key=f"form:{wait.pk}:{number}",
            name=file.name or "",
            content=file.read(),
            content_type=file.content_type or "",
        )
        return kept.described


#: What of a payload concerns the reader; who else was asked and by which mail does not.
_SHOWN: Final = frozenset(
    {"title", "content", "form", "actions", "errors", "attempt", "votes", "approvals", "text_field"}
)


def _found(token: str) -> RunWait:
    try:
        return wait_by_token(token)
    except NotFound:
        raise Http404 from None


def _actor(request: HttpRequest) -> Actor:
    """The signed-in person, else whoever has the address."""
    return Actor.from_request(request) if isinstance(request.user, User) else Actor.system("form")


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body[:_MAX_BODY])
    except (ValueError, RecursionError):
        raise Invalid(_("The request is no JSON.")) from None
    if not isinstance(body, dict):
        raise Invalid(_("The request is no JSON object."))
    return body
