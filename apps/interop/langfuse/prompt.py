"""Prompts as SDKs read and write them."""

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.models import Prompt, PromptType, PromptVersion
from apps.agents.models.prompt import NEWEST
from apps.agents.prompts import Content
from apps.agents.resolution import resolve_content
from apps.agents.selectors import find_prompt_version, labels_of
from apps.agents.services.prompt import add_prompt_version, delete_prompt, set_labels
from apps.core.exceptions import Invalid, NotFound
from apps.core.numbers import whole_number
from apps.interop.base import AdapterView
from apps.interop.langfuse.pages import Page
from apps.interop.langfuse.values import as_object, text


class PromptsView(AdapterView):
    """All prompts."""

    def get(self, request: Request) -> Response:
        """By name, a page at a time; narrowed to a name, label or tag."""
        prompts = Prompt.objects.in_workspace(self.workspace).visible_to(request.user)
        query = request.query_params
        if name := query.get("name"):
            prompts = prompts.filter(name=name)
        if label := query.get("label"):
            prompts = prompts if label == NEWEST else prompts.filter(labels__name=label)
        if tag := query.get("tag"):
            prompts = prompts.filter(tags__contains=[tag])
        page = Page.of(prompts.order_by("name").with_labels().with_newest_config(), query)
        return Response(page.body([prompt_row(prompt) for prompt in page.rows]))

    def post(self, request: Request) -> Response:
        """A new version; without a type it is a text."""
        body = as_object(request.data)
        version = add_prompt_version(
            actor=self.actor,
            workspace=self.workspace,
            name=text(body.get("name")),
            type=text(body.get("type")) or PromptType.TEXT,
            content=body.get("prompt"),
            config=body.get("config"),
            labels=_texts(body, "labels"),
            tags=None if body.get("tags") is None else _texts(body, "tags"),
            commit_message=text(body.get("commitMessage")),
        )
        return Response(prompt_body(version), status=201)


class PromptView(AdapterView):
    """One prompt by name; the name may hold slashes."""

    def get(self, request: Request, name: str) -> Response:
        """The version that `version` or `label` names, by default the one in production."""
        query = request.query_params
        version = find_prompt_version(
            user=request.user,
            workspace=self.workspace,
            name=name.rstrip("/"),
            version=number(query.get("version")),
            label=query.get("label", ""),
        )
        if version is None:
            raise NotFound("There is no such prompt, or none with this label or version.")
        return Response(prompt_body(version, resolve=query.get("resolve") != "false"))

    def delete(self, request: Request, name: str) -> Response:
        """The prompt with all versions."""
        if {"version", "label"} & set(request.query_params):
            raise Invalid("Single versions are kept for the record; delete the prompt, or move its labels.")
        prompts = Prompt.objects.in_workspace(self.workspace).visible_to(request.user)
        prompt = prompts.filter(name=name.rstrip("/")).first()
        if prompt is None:
            raise NotFound
        delete_prompt(actor=self.actor, prompt=prompt)
        return Response(status=204)


class PromptVersionView(AdapterView):
    """One version of a prompt."""

    def patch(self, request: Request, name: str, number: int) -> Response:
        """Let `newLabels` point at it."""
        version = find_prompt_version(
            user=request.user, workspace=self.workspace, name=name, version=min(number, 2**31 - 1)
        )
        if version is None:
            raise NotFound
        set_labels(actor=self.actor, version=version, labels=_texts(as_object(request.data), "newLabels"))
        return Response(prompt_body(version))


def prompt_body(version: PromptVersion, *, resolve: bool = True) -> dict[str, Any]:
    """A version with every key that some SDK line insists on."""
    content: Content = resolve_content(version) if resolve else version.content
    prompt = version.prompt
    return {
        "id": str(version.pk),
        "type": prompt.type,
        "name": prompt.name,
        "version": version.number,
        "prompt": content,
        "config": version.config,
        "labels": labels_of(version),
        "tags": prompt.tags,
        "commitMessage": version.commit_message or None,
        "resolutionGraph": None,
        "projectId": str(version.workspace_id),
        "createdAt": version.created_at,
        "updatedAt": version.updated_at,
    }


def prompt_row(prompt: Prompt) -> dict[str, Any]:
    """A prompt in a list; its versions are numbered without gaps."""
    return {
        "name": prompt.name,
        "type": prompt.type,
        "versions": list(range(1, prompt.newest + 1)),
        "labels": [*(label.name for label in prompt.labels.all()), NEWEST],
        "tags": prompt.tags,
        "lastUpdatedAt": prompt.updated_at,
        "lastConfig": prompt.newest_config,  # type: ignore[attr-defined]  # with_newest_config
    }


def number(value: str | None) -> int | None:
    """A version number from an address; raises Invalid."""
    if not value:
        return None
    if (found := whole_number(value)) is None:
        raise Invalid("A version is a whole number.")
    return found


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Invalid(f"`{name}` is a list of texts.")
    return values
