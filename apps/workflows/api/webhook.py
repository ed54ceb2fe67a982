"""The door of webhooks: `/hooks/<token>/`. No account: the address, and a signature, are the permission."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from apps.agents.threads import in_thread
from apps.core.api.problems import problem_response
from apps.core.exceptions import FlywheelError
from apps.workflows.exceptions import PayloadTooLargeError
from apps.workflows.models import Trigger, WorkflowRun
from apps.workflows.payloads import run_payload
from apps.workflows.runner import calls
from apps.workflows.services.trigger_config import MAX_BODY_BYTES, WebhookSettings
from apps.workflows.triggers.webhook import Call, answer_of, find_trigger, receive, webhook_settings


@csrf_exempt
async def webhook(request: HttpRequest, token: str) -> HttpResponseBase:
    """Take a call and start its run; answers 202, or with the run's result."""
    try:
        trigger, settings = await in_thread(_known, token)
        if request.method not in settings.methods:
            return HttpResponseNotAllowed(settings.methods)
        call = _call(request, settings)
        run_id = await in_thread(_receive, trigger, call)
        if settings.response == "async":
            return JsonResponse({"run_id": str(run_id)}, status=202)
        calls.begin()
        await calls.settled(run_id, settings.wait_s)
        return await in_thread(_answer, settings, run_id)
    except FlywheelError as error:
        return problem_response(error)


def _known(token: str) -> tuple[Trigger, WebhookSettings]:
    trigger = find_trigger(token)
    return trigger, webhook_settings(trigger)


def _call(request: HttpRequest, settings: WebhookSettings) -> Call:
    declared = request.headers.get("Content-Length") or "0"
    if not declared.isdigit() or int(declared) > min(settings.max_bytes, MAX_BODY_BYTES):
        raise PayloadTooLargeError(f"The body may have at most {settings.max_bytes} bytes.")
    return Call(
        method=str(request.method),
        headers={name.lower(): value for name, value in request.headers.items()},
        query={name: str(value) for name, value in request.GET.items()},
        body=request.body,
    )


def _receive(trigger: Trigger, call: Call) -> UUID:
    firing = receive(trigger, call)
    assert firing.run_id is not None  # noqa: S101 - `receive` raises otherwise
    return firing.run_id


def _answer(settings: WebhookSettings, run_id: UUID) -> JsonResponse:
    run = WorkflowRun.objects.get(pk=run_id)
    if not run.is_final:
        return JsonResponse({"run_id": str(run.pk), "state": run.state}, status=202)
    if run.state in {"failed", "stopped"}:
        shown = run_payload(run)
        failed: dict[str, Any] = {"run_id": shown["id"], "state": shown["state"], "error": shown["error"]}
        return JsonResponse(failed, status=502)
    body = answer_of(settings, run)
    return JsonResponse(body, status=settings.status, safe=False)
