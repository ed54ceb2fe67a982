"""Prompts in the console: list, page with versions and differences, editor."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms.fields import InvalidJSONInput
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.agents.models import PlaygroundSession, Prompt, PromptType, PromptVersion
from apps.agents.models.prompt import DEFAULT_LABEL, NEWEST
from apps.agents.prompt_figures import PERIOD, version_figures
from apps.agents.prompts import as_lines, references_of
from apps.agents.resolution import resolve_content
from apps.agents.selectors import prompt_cards
from apps.agents.services.prompt import (
    add_prompt_version,
    delete_prompt,
    remove_label,
    set_labels,
    set_tags,
)
from apps.core import permissions
from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError
from apps.core.numbers import whole_number

PLACEHOLDER = "placeholder"
SHOWN_VERSIONS = 200
SHOWN_AGENTS = 20
CONTEXT_LINES = 3
MAX_ROWS = 100


class PromptForm(forms.Form):
    """Everything but the content, whose fields depend on the type."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "fw-input"}),
        help_text=gettext_lazy("Slashes make folders: support/refunds."),
    )
    config = forms.JSONField(
        label=gettext_lazy("Settings"),
        required=False,
        widget=forms.Textarea(attrs={"class": "fw-textarea fw-mono", "rows": 3}),
        help_text=gettext_lazy("JSON that goes along with the prompt, such as a model and its temperature."),
    )
    commit_message = forms.CharField(
        label=gettext_lazy("What is new"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "fw-input"}),
    )
    production = forms.BooleanField(
        label=gettext_lazy("Put into production at once"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "fw-checkbox"}),
    )


class _PromptPage(ConsolePage):
    """A page about prompts."""

    def may(self, action: str) -> bool:
        """Whether the person may do `action` on prompts here."""
        return permissions.allows_in(self.request.user, action, Prompt, self.workspace)

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """The prompt has to exist for the person."""
        self.request = request
        if "pk" in kwargs:
            prompts = Prompt.objects.in_workspace(self.workspace).visible_to(request.user).with_labels()
            prompt = prompts.select_related("workspace").filter(pk=kwargs["pk"]).first()
            if prompt is None:
                raise Http404
            self.prompt = prompt


class PromptListPage(_PromptPage):
    """All prompts by folder."""

    title = gettext_lazy("Prompts")
    template_name = "agents/prompts/list.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The prompts, perhaps those that contain a text in their name or have a tag."""
        found = prompt_cards(self.workspace, request.user)
        query, tag = (
            request.GET.get("q", "").strip().replace("\0", ""),
            request.GET.get("tag", "").replace("\0", ""),
        )
        if query:
            found = found.filter(name__icontains=query[:200])
        if tag:
            found = found.filter(tags__contains=[tag[:100]])
        return {"prompts": list(found[:1_000]), "q": query, "tag": tag, "may_add": self.may("add")}


class PromptDetailPage(_PromptPage):
    """One version, its labels, what it says, and how it differs from another."""

    template_name = "agents/prompts/detail.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The version that the address names, by default the newest."""
        prompt = self.prompt
        rows = prompt.versions.select_related("author").defer("content", "config").order_by("-number")
        version = self._version(request.GET.get("version", "")) or self._version(str(prompt.newest))
        if version is None:
            raise Http404
        other = self._version(request.GET.get("compare", ""))
        pointed: dict[int, list[str]] = {prompt.newest: [NEWEST]}
        for label in prompt.labels.all():
            pointed.setdefault(label.version.number, []).append(label.name)
        versions = list(rows[:SHOWN_VERSIONS])
        for row in versions:
            row.pointed = pointed.get(row.number, [])  # type: ignore[attr-defined]  # for the template
        resolved, problem = resolved_text(version)
        return {
            "title": prompt.name,
            "prompt": prompt,
            "version": version,
            "version_labels": [name for name in pointed.get(version.number, []) if name != NEWEST],
            "versions": versions,
            "other": other,
            "hunks": list(hunks(other, version)) if other else [],
            "messages_of": [] if isinstance(version.content, str) else version.content,
            "config_text": json.dumps(version.config, indent=2, ensure_ascii=False),
            "figures": version_figures(prompt, request.user),
            "figures_days": PERIOD.days,
            "runs_url": _runs_url(prompt),
            "used_by": list(prompt.agents.visible_to(request.user).order_by("name")[:SHOWN_AGENTS]),
            "resolved": resolved,
            "problem": problem,
            "tags_text": ", ".join(prompt.tags),
            "default_label": DEFAULT_LABEL,
            "may_change": self.may("change"),
            "may_try": permissions.allows_in(request.user, "add", PlaygroundSession, self.workspace),
            "may_delete": self.may("delete"),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Move or remove a label, change the tags, delete."""
        version = self._version(request.POST.get("version", ""))
        try:
            if request.POST.get("delete"):
                delete_prompt(actor=self.actor, prompt=self.prompt)
                messages.success(request, _("Deleted."))
                return redirect("admin:agents_prompts")
            if label := request.POST.get("remove"):
                remove_label(actor=self.actor, prompt=self.prompt, label=label)
            elif "tags" in request.POST:
                tags = [tag.strip() for tag in request.POST["tags"].split(",")]
                set_tags(actor=self.actor, prompt=self.prompt, tags=filter(None, tags))
            elif version is not None and (label := request.POST.get("label", "").strip()):
                set_labels(actor=self.actor, version=version, labels=[label])
        except FlywheelError as error:
            messages.error(request, str(error.detail))
        return redirect(f"{request.path}?version={version.number}" if version else request.path)

    def _version(self, text: str) -> PromptVersion | None:
        if (number := whole_number(text)) is None:
            return None
        return self.prompt.versions.filter(number=number).select_related("prompt", "author").first()


def _runs_url(prompt: Prompt) -> str:
    """The list of the model calls made with a prompt."""
    conditions = [("range", "30d"), ("f", "type:is:generation"), ("f", f"prompt_name:is:{prompt.name}")]
    return f"{reverse('admin:tracing_observations')}?{urlencode(conditions)}"


class PromptEditPage(_PromptPage):
    """The editor: what is saved becomes a new version. Without a prompt in the address, a new prompt."""

    template_name = "agents/prompts/edit.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Only for those who may add versions."""
        super().check_access(request, **kwargs)
        if not self.may("add"):
            raise PermissionDenied

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The newest version's content, or an empty one."""
        if "pk" not in kwargs:
            kind = PromptType.CHAT if request.GET.get("type") == PromptType.CHAT else PromptType.TEXT
            return self._context(PromptForm(), Draft(kind))
        newest = self.prompt.versions.filter(number=self.prompt.newest).first()
        if newest is None:
            raise Http404
        form = PromptForm(initial={"config": newest.config} if newest.config else {})
        return self._context(form, Draft.of(newest))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Save, or show one message more."""
        draft = Draft.posted(request.POST, getattr(self, "prompt", None))
        if request.POST.get("more"):
            draft.rows.append({"role": "user", "content": ""})
            values = {name: request.POST.get(name, "") for name in PromptForm.base_fields}
            # text as it was typed, not a value to show as JSON
            values["config"] = InvalidJSONInput(values["config"])
            return self.render(self._context(PromptForm(initial=values), draft))
        form = PromptForm(request.POST)
        if "pk" in kwargs:
            form.fields["name"].required = False
        if not form.is_valid():
            return self.render(self._context(form, draft), status=422)
        try:
            version = add_prompt_version(
                actor=self.actor,
                workspace=self.workspace,
                name=self.prompt.name if "pk" in kwargs else form.cleaned_data["name"],
                type=draft.type,
                content=draft.content(),
                config=form.cleaned_data["config"],
                labels=[DEFAULT_LABEL] if form.cleaned_data["production"] else [],
                commit_message=form.cleaned_data["commit_message"],
            )
        except FlywheelError as error:
            form.add_error(None, str(error.detail))
            return self.render(self._context(form, draft), status=422)
        return redirect(reverse("admin:agents_prompt", args=[version.prompt_id]))

    def _context(self, form: PromptForm, draft: Draft) -> dict[str, Any]:
        prompt = getattr(self, "prompt", None)
        return {
            "title": prompt.name if prompt else _("New prompt"),
            "prompt": prompt,
            "form": form,
            "draft": draft,
            "roles": ["system", "user", "assistant", PLACEHOLDER],
        }


@dataclass(slots=True)
class Draft:
    """Content in the editor: a text, or rows of role and text; a placeholder's text is its name."""

    type: str
    text: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.type == PromptType.CHAT and not self.rows:
            self.rows = [{"role": "system", "content": ""}, {"role": "user", "content": ""}]

    @classmethod
    def of(cls, version: PromptVersion) -> Draft:
        """What a version says."""
        if isinstance(version.content, str):
            return cls(PromptType.TEXT, text=version.content)
        rows = [
            {
                "role": message.get("role", PLACEHOLDER),
                "content": message.get("content", message.get("name", "")),
                "calls": _calls_text(message),
            }
            for message in version.content
        ]
        return cls(PromptType.CHAT, rows=rows)

    @classmethod
    def posted(cls, values: QueryDict, prompt: Prompt | None) -> Draft:
        """What the form sent; rows without a text are left out."""
        kind = prompt.type if prompt else values.get("type", PromptType.TEXT)
        if kind != PromptType.CHAT:
            # browsers send lines with both ends
            return cls(PromptType.TEXT, text=values.get("text", "").replace("\r\n", "\n"))
        columns = [values.getlist(name)[:MAX_ROWS] for name in ("role", "content", "calls")]
        rows = [
            {"role": role, "content": text.replace("\r\n", "\n"), "calls": calls}
            for role, text, calls in zip_longest(*columns, fillvalue="")
            if role and (text.strip() or calls)
        ]
        return cls(PromptType.CHAT, rows=rows)

    def content(self) -> str | list[dict[str, Any]]:
        """As the service takes it."""
        if self.type == PromptType.TEXT:
            return self.text
        return [
            {"type": PLACEHOLDER, "name": row["content"].strip()}
            if row["role"] == PLACEHOLDER
            else {"role": row["role"], "content": row["content"], **_calls_of(row.get("calls", ""))}
            for row in self.rows
            if row["content"].strip() or row.get("calls")
        ]


def _calls_text(message: Mapping[str, Any]) -> str:
    """What a message has besides its text, for a hidden field: the editor keeps tool calls as they are."""
    kept = {name: message[name] for name in ("tool_calls", "tool_call_id") if name in message}
    return json.dumps(kept, ensure_ascii=False) if kept else ""


def _calls_of(text: str) -> dict[str, Any]:
    """From that field; what the service can't use it leaves out."""
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def resolved_text(version: PromptVersion) -> tuple[str, str]:
    """The text with included prompts put in, where there are some; and what stands in the way."""
    if not references_of(version.content):
        return "", ""
    try:
        return "\n".join(as_lines(resolve_content(version))), ""
    except FlywheelError as error:
        return "", str(error.detail)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a difference; kind is "same", "old" or "new"."""

    kind: str
    text: str


def hunks(old: PromptVersion, new: PromptVersion) -> Iterator[list[DiffLine]]:
    """The places at which two versions differ, in content or settings, with the lines around them."""
    before, after = _lines(old), _lines(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        yield [line for opcode in group for line in _changed(opcode, before, after)]


def _changed(
    opcode: tuple[str, int, int, int, int], before: Sequence[str], after: Sequence[str]
) -> Iterator[DiffLine]:
    tag, old_from, old_to, new_from, new_to = opcode
    if tag == "equal":
        yield from (DiffLine("same", text) for text in before[old_from:old_to])
        return
    yield from (DiffLine("old", text) for text in before[old_from:old_to])
    yield from (DiffLine("new", text) for text in after[new_from:new_to])


def _lines(version: PromptVersion) -> list[str]:
    settings = json.dumps(version.config, indent=2, ensure_ascii=False, sort_keys=True)
    return [*as_lines(version.content), *(settings.splitlines() if version.config else [])]
