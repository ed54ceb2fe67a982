"""Trying a provider or a model out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from asgiref.sync import async_to_sync
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core import permissions
from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError
from apps.providers import gateway
from apps.providers.drivers import driver_for, pool
from apps.providers.exceptions import ModelError
from apps.providers.gateway.failures import model_error
from apps.providers.local import installed
from apps.providers.models import Model, ModelSlot, Provider
from apps.providers.models.provider import TestResult
from apps.providers.targets import Target, provider_target
from apps.providers.wire import ChatMessage, ChatRequest, WireError, WireReason

LIST_TIMEOUT_S = 15
_PROBE = ChatRequest(messages=[ChatMessage("user", "Reply with the single word: ready")])


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a test found: a sentence, and the names of the models the provider offers."""

    ok: bool
    message: str
    models: tuple[str, ...] = ()


def check_provider(*, actor: Actor, provider: Provider) -> ConnectionReport:
    """Asks the provider for its models, and notes the outcome on it. Never raises for a failure."""
    permissions.require(actor, "test", provider)
    report = _local_report() if provider.is_local else _remote_report(provider)
    provider.test_result = TestResult.OK if report.ok else TestResult.FAILED
    provider.test_message = report.message[:500]
    provider.tested_at = timezone.now()
    provider.save(update_fields=["test_result", "test_message", "tested_at"])
    return report


def list_offered_models(*, actor: Actor, provider: Provider, timeout_s: float = LIST_TIMEOUT_S) -> list[str]:
    """The names of the models the provider offers. Raises a `ModelError`."""
    permissions.require(actor, "view", provider)
    target = replace(provider_target(provider), timeout_s=timeout_s)
    try:
        return async_to_sync(_list_models)(target)
    except WireError as error:
        raise model_error(error, target) from error


def check_model(*, actor: Actor, model: Model) -> ConnectionReport:
    """Makes one small call. An embedding model's dimensions are noted when they were not known."""
    permissions.require(actor, "test", model)
    try:
        message = async_to_sync(_call_once)(model)
    except ModelError as error:
        return ConnectionReport(False, str(error.detail))
    return ConnectionReport(True, message)


def _local_report() -> ConnectionReport:
    if installed():
        return ConnectionReport(True, _("The built-in models are installed."))
    return ConnectionReport(
        False, _("The built-in embedding model is not installed; answers by quoting work without it.")
    )


def _remote_report(provider: Provider) -> ConnectionReport:
    target = replace(provider_target(provider), timeout_s=LIST_TIMEOUT_S)
    try:
        names = async_to_sync(_list_models)(target)
    except WireError as error:
        if error.reason is WireReason.NOT_FOUND:
            return _report_without_list(provider)
        return ConnectionReport(False, str(model_error(error, target).detail))
    found = ngettext(
        "Connected. %(count)d model is offered.", "Connected. %(count)d models are offered.", len(names)
    )
    return ConnectionReport(True, found % {"count": len(names)}, tuple(names))


def _report_without_list(provider: Provider) -> ConnectionReport:
    """Some endpoints list no models: then one of ours is called."""
    model = provider.models.filter(enabled=True).select_related("provider__workspace").first()
    if model is None:
        return ConnectionReport(
            False,
            _(
                "Something answers at this address, but it lists no models. Check that the base URL is right "
                "(it often ends in /v1), or add a model by hand and test again."
            ),
        )
    try:
        message = async_to_sync(_call_once)(model)
    except FlywheelError as error:
        return ConnectionReport(False, str(error.detail))
    return ConnectionReport(True, message)


async def _list_models(target: Target) -> list[str]:
    try:
        async with asyncio.timeout(target.timeout_s * 2):
            return await driver_for(target).list_models()
    except TimeoutError:
        raise WireError(WireReason.TIMEOUT) from None
    finally:
        await pool.close()


async def _call_once(model: Model) -> str:
    try:
        return await _probe(model)
    finally:
        await pool.close()


async def _probe(model: Model) -> str:
    if model.slot == ModelSlot.CHAT:
        completed = await gateway.chat(model=model, request=_PROBE)
        said = completed.message.content.strip()[:80] or completed.finish_reason
        return _("“%(model)s” answered: %(answer)s") % {"model": model, "answer": said}
    if model.slot == ModelSlot.EMBEDDING:
        result = await gateway.embed(model=model, texts=["ready"])
        size = len(result.vectors[0])
        if model.dimensions is None:
            await Model.objects.filter(pk=model.pk).aupdate(dimensions=size)
        return _("“%(model)s” gives vectors of %(size)d numbers.") % {"model": model, "size": size}
    ranked = await gateway.rerank(model=model, query="ready", documents=["ready", "not at all"], top_n=2)
    return _("“%(model)s” ranked %(count)d documents.") % {"model": model, "count": len(ranked)}
