"""What starts a workflow by itself: schedules, webhooks, events."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid
from apps.core.ids import is_uuid
from apps.workflows.admin.base import JsonMixin, WorkflowPage, text_of
from apps.workflows.admin.inputs import sample_inputs
from apps.workflows.admin.workflow import is_changed
from apps.workflows.models import Trigger, TriggerFiring, TriggerType
from apps.workflows.services import trigger as service
from apps.workflows.services.trigger_config import EVENTS, ScheduleSettings, read_settings

NEXT_TIMES = 5
FIRINGS = 5


class TriggersPage(JsonMixin, WorkflowPage):
    """The triggers with what they did last. POST: create, update, switch, delete, renew a secret, preview times."""

    template_name = "workflows/triggers.html"
    tab = "triggers"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """All of them: a workflow has few."""
        triggers = list(self.workflow.triggers.all())
        firings = _last_firings(triggers)
        for trigger in triggers:
            trigger.firings_shown = firings.get(trigger.pk, [])  # type: ignore[attr-defined]  # for the template
            trigger.address = _address(request, trigger)  # type: ignore[attr-defined]  # for the template
        document = self.workflow.published.document if self.workflow.published else self.workflow.draft
        return {
            "changed": is_changed(self.workflow),
            "triggers": triggers,
            "kinds": TriggerType.choices,
            "data": {
                "url": request.path,
                "triggers": {str(one.pk): _described(request, one) for one in triggers},
                "events": {name: list(fields) for name, fields in EVENTS.items()},
                "zones": sorted(available_timezones()),
                "sample": sample_inputs(document),
            },
        }

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """One of the acts."""
        acts = {
            "preview": self._preview,
            "create": self._create,
            "update": self._update,
            "switch": self._switch,
            "delete": self._delete,
            "renew": self._renew,
        }
        act = acts.get(text_of(body, "act", 20))
        if act is None:
            raise Invalid
        return act(body)

    def _preview(self, body: dict[str, Any]) -> dict[str, Any]:
        settings = read_settings(TriggerType.SCHEDULE, _object(body, "config"))
        assert isinstance(settings, ScheduleSettings)  # noqa: S101  # by its kind
        return {"times": [moment.isoformat() for moment in next_times(settings)]}

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        trigger = service.create_trigger(
            actor=self.actor,
            workflow=self.workflow,
            kind=text_of(body, "kind", 20),
            config=_object(body, "config"),
            name=text_of(body, "name", 120),
        )
        # the one time the secret is shown
        secret = trigger.secret.reveal() if trigger.secret else ""
        return {**_described(self.request, trigger), "secret": secret}

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        changes = {"name": text_of(body, "name", 120), "config": _object(body, "config")}
        trigger = service.update_trigger(actor=self.actor, trigger=self._find(body), changes=changes)
        return _described(self.request, trigger)

    def _switch(self, body: dict[str, Any]) -> dict[str, Any]:
        enabled = body.get("enabled") is True
        trigger = service.update_trigger(
            actor=self.actor, trigger=self._find(body), changes={"enabled": enabled}
        )
        return _described(self.request, trigger)

    def _delete(self, body: dict[str, Any]) -> dict[str, Any]:
        service.delete_trigger(actor=self.actor, trigger=self._find(body))
        return {}

    def _renew(self, body: dict[str, Any]) -> dict[str, Any]:
        trigger = self._find(body)
        secret = service.renew_secret(actor=self.actor, trigger=trigger)
        return {**_described(self.request, trigger), "secret": secret}

    def _find(self, body: dict[str, Any]) -> Trigger:
        key = text_of(body, "trigger", 40)
        triggers = self.workflow.triggers.select_related("workflow")
        trigger = triggers.filter(pk=key).first() if is_uuid(key) else None
        if trigger is None:
            raise Http404
        return trigger


def next_times(settings: ScheduleSettings, after: datetime | None = None) -> list[datetime]:
    """The next moments of a schedule."""
    cron = settings.schedule()
    moment = after or timezone.now()
    times: list[datetime] = []
    for _number in range(NEXT_TIMES):
        following = cron.next_after(moment)
        if following is None:
            break
        times.append(following)
        moment = following
    return times


def _described(request: HttpRequest, trigger: Trigger) -> dict[str, Any]:
    return {
        "id": str(trigger.pk),
        "kind": trigger.kind,
        "name": trigger.name,
        "config": trigger.config,
        "enabled": trigger.enabled,
        "address": _address(request, trigger),
    }


def _address(request: HttpRequest, trigger: Trigger) -> str:
    if not trigger.token:
        return ""
    return request.build_absolute_uri(reverse("workflows_hook", args=[trigger.token]))


def _last_firings(triggers: list[Trigger]) -> dict[Any, list[TriggerFiring]]:
    """The newest firings of each, in one query that reads only these rows."""
    newest = [TriggerFiring.objects.filter(trigger=trigger).newest_first()[:FIRINGS] for trigger in triggers]
    if not newest:
        return {}
    found: dict[Any, list[TriggerFiring]] = {}
    for firing in newest[0].union(*newest[1:], all=True):
        found.setdefault(firing.trigger_id, []).append(firing)
    return {
        trigger: sorted(firings, key=lambda one: one.pk, reverse=True) for trigger, firings in found.items()
    }


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise Invalid(_("Send an object of settings."))
    return value
