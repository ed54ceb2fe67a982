"""The page of the code sandbox: how it is confined, what code may use, and a place to try some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.core.admin.role import role_allows
from apps.core.models import SandboxPolicy
from apps.core.models.sandbox_policy import POLICY_FIELDS, check_host
from apps.core.sandbox import sandbox_state
from apps.core.sandbox.client import metrics
from apps.core.services.sandbox_policy import change_sandbox_policy

_HELP: dict[str, Promise] = {
    "cpu_s": _("Computing time of one run. Waiting does not count."),
    "wall_s": _("From start to end of one run, waiting included."),
    "memory_mb": _("What a run may add to the interpreter."),
    "output_kb": _("Of what is printed, and of errors that are printed, each."),
    "result_kb": _("What main() returns, as JSON."),
    "depth": _("Lists and objects inside each other."),
    "string_chars": _("The longest single text in a result."),
    "file_mb": _("All files that a run hands back together; 0 allows none."),
    "concurrency": _("Runs of this workspace that may go on together in one process."),
}

_PURPOSES: dict[str, Promise] = {
    "own_uid": _("Code runs as a user that owns nothing."),
    "no_new_privs": _("No program can give code more rights than it has."),
    "userns": _("Code has no capability on this machine."),
    "mountns": _("Code sees an empty root instead of your files."),
    "netns": _("Code has no network interface."),
    "ipcns": _("Code shares no memory or queue with others."),
    "pidns": _("Code sees no other process."),
    "chroot": _("An empty root, where namespaces are not allowed."),
    "landlock": _("Files and connections are refused a second time."),
    "rlimits": _("Memory, processor time and files end at a limit."),
    "seccomp": _("Only some forty harmless system calls reach the kernel."),
    "mdwe": _("Memory that was written to never becomes a program."),
    "cgroup": _("Memory and processes of all runs together end at a limit."),
}

EXAMPLES = {
    "python": 'def main(numbers: list) -> dict:\n    total = sum(numbers)\n    print(f"{len(numbers)} numbers")\n'
    '    return {"total": total, "mean": total / len(numbers)}\n',
    "javascript": "function main({ numbers }) {\n  const total = numbers.reduce((sum, n) => sum + n, 0);\n"
    "  console.log(`${numbers.length} numbers`);\n  return { total, mean: total / numbers.length };\n}\n",
}
EXAMPLE_INPUTS = '{"numbers": [3, 4, 8]}'


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of the report."""

    name: str
    on: bool
    needed: bool
    purpose: str | Promise
    detail: str


class PolicyForm(forms.ModelForm[SandboxPolicy]):
    """Limits; hosts are written one per line."""

    hosts = forms.CharField(
        label=_("Hosts that code may call"),
        required=False,
        widget=forms.Textarea,
        help_text=_(
            "One per line: api.example.com, api.example.com:8443 or *.example.com. Code calls them with"
            " http_request(); without a host here it reaches no network at all."
        ),
    )

    class Meta:
        model = SandboxPolicy
        fields = list(POLICY_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["hosts"] = "\n".join(self.instance.hosts)
        for name, text in _HELP.items():
            self.fields[name].help_text = str(text)

    def clean_hosts(self) -> list[str]:
        """One host per line, in lower case, each once."""
        hosts = list(dict.fromkeys(self.cleaned_data["hosts"].lower().split()))
        for host in hosts:
            check_host(host)
        return hosts


class SandboxPage(ConsolePage):
    """Everybody in the workspace may look; editors may try code, administrators change the limits."""

    title = _("Code sandbox")
    template_name = "core/sandbox.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Members only."""
        if not role_allows(request, "view", SandboxPolicy):
            raise PermissionDenied

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The report, the limits, the examples."""
        return self._context(PolicyForm(instance=self._policy()))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Change the limits."""
        if not role_allows(request, "change", SandboxPolicy):
            raise PermissionDenied
        form = PolicyForm(request.POST, instance=self._policy())
        if not form.is_valid():
            return self.render(self._context(form), status=422)
        changes = {name: form.cleaned_data[name] for name in POLICY_FIELDS}
        change_sandbox_policy(actor=self.actor, workspace=self.workspace, **changes)
        messages.success(request, gettext("The limits were changed."))
        return redirect(reverse("admin:core_sandbox"))

    def _policy(self) -> SandboxPolicy:
        found = SandboxPolicy.objects.in_workspace(self.workspace).first()
        return found or SandboxPolicy(workspace=self.workspace)

    def _context(self, form: PolicyForm) -> dict[str, Any]:
        state = async_to_sync(sandbox_state)()
        minimum = set(state.get("minimum", []))
        layers = [
            Layer(
                name=(name := str(layer.get("name", ""))),
                on=bool(layer.get("on")),
                needed=name in minimum,
                purpose=_PURPOSES.get(name, ""),
                detail=str(layer.get("why", "")),
            )
            for layer in state.get("layers", [])
        ]
        return {
            "state": state,
            "layers": layers,
            "outcomes": sorted(metrics.outcomes().items()),
            "form": form,
            "may_change": role_allows(self.request, "change", SandboxPolicy),
            "may_run": role_allows(self.request, "run", SandboxPolicy),
            "examples": {"code": EXAMPLES, "inputs": EXAMPLE_INPUTS, "run": reverse("sandbox-run")},
        }
