"""The actions on rows that tracing itself has."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing import bulk
from apps.tracing.bulk import BulkAction, Selected, Selection, Told, Values
from apps.tracing.downloads import columns_of
from apps.tracing.models import (
    ExportFormat,
    ExportList,
    Score,
    ScoreConfig,
    ScoreDataType,
    Trace,
    TraceExport,
)
from apps.tracing.services import traces as trace_service
from apps.tracing.services.score import MAX_NAME, ScoreValue
from apps.tracing.services.trace_export import create_export

_SHOWN_CONFIGS = 20


def tell(sentence: Any) -> Told:
    """A sentence, made by `ngettext_lazy`, with the number of changed rows."""
    return lambda changed, _rows: str(sentence % changed)


def _traces(rows: Sequence[Selected]) -> list[Trace]:
    return list({row.trace.pk: row.trace for row in rows}.values())


# -- tags and bookmarks ------------------------------------------------------------------------------------------------


def _tag_fields(_actor: Actor, _workspace: Workspace, _list: str) -> Mapping[str, forms.Field]:
    return {"tag": forms.CharField(label=_("Tag"), max_length=trace_service.MAX_TAG)}


def _clean_tag(_actor: Actor, _workspace: Workspace, values: Values) -> Values:
    return {"tag": trace_service.clean_tag(str(values["tag"]))}


def _tag(actor: Actor, _workspace: Workspace, rows: Sequence[Selected], values: Values) -> int:
    return trace_service.tag_traces(actor=actor, traces=_traces(rows), tag=values["tag"])


def _untag(actor: Actor, _workspace: Workspace, rows: Sequence[Selected], values: Values) -> int:
    return trace_service.untag_traces(actor=actor, traces=_traces(rows), tag=values["tag"])


def _bookmark(actor: Actor, _workspace: Workspace, rows: Sequence[Selected], _values: Values) -> int:
    return trace_service.bookmark_traces(actor=actor, traces=_traces(rows), bookmarked=True)


def _unmark(actor: Actor, _workspace: Workspace, rows: Sequence[Selected], _values: Values) -> int:
    return trace_service.bookmark_traces(actor=actor, traces=_traces(rows), bookmarked=False)


# -- scores ------------------------------------------------------------------------------------------------------------


def _score_fields(_actor: Actor, workspace: Workspace, _list: str) -> Mapping[str, forms.Field]:
    defined = ScoreConfig.objects.in_workspace(workspace).filter(archived=False).order_by("name")
    names = ", ".join(defined.values_list("name", flat=True)[:_SHOWN_CONFIGS])
    return {
        "name": forms.CharField(
            label=_("Name of the score"),
            max_length=MAX_NAME,
            help_text=gettext("Defined in this workspace: %(names)s.") % {"names": names} if names else "",
        ),
        "value": forms.CharField(
            label=_("Value"), max_length=500, help_text=_("A number or a word; yes or no is 1 or 0.")
        ),
    }


def _read_score(_actor: Actor, workspace: Workspace, values: Values) -> Values:
    name, data_type, value, config = trace_service.read_score(
        workspace=workspace, name=str(values["name"]), text=str(values["value"])
    )
    return {
        "name": name,
        "data_type": data_type,
        "value": value.value,
        "string_value": value.string_value,
        "config": str(config.pk) if config else "",
    }


def _score(actor: Actor, workspace: Workspace, rows: Sequence[Selected], values: Values) -> int:
    config = None
    if values["config"]:
        config = ScoreConfig.objects.in_workspace(workspace).filter(pk=values["config"]).first()
    return trace_service.score_rows(
        actor=actor,
        workspace=workspace,
        rows=rows,
        name=values["name"],
        data_type=ScoreDataType(values["data_type"]),
        value=ScoreValue(values["value"], values["string_value"]),
        config=config,
    )


# -- deleting and exporting --------------------------------------------------------------------------------------------


def _delete(actor: Actor, workspace: Workspace, rows: Sequence[Selected], _values: Values) -> int:
    return trace_service.delete_traces(actor=actor, workspace=workspace, traces=_traces(rows))


def _export_fields(_actor: Actor, _workspace: Workspace, list_name: str) -> Mapping[str, forms.Field]:
    """What to write: the rows, the format, the columns."""
    names = [column.name for column in columns_of(list_name)]
    fields: dict[str, forms.Field] = {
        "format": forms.ChoiceField(
            label=_("Format"), choices=ExportFormat.choices, initial=ExportFormat.JSONL
        ),
        "payloads": forms.BooleanField(
            label=_("With whole inputs and outputs"),
            required=False,
            help_text=_("Else their first 200 characters."),
        ),
        "columns": forms.MultipleChoiceField(
            label=_("Columns"),
            choices=[(name, name) for name in names if name not in {"input", "output"}],
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text=_("None ticked: all of them."),
        ),
    }
    if list_name == ExportList.TRACES:
        rows = [
            (ExportList.TRACES.value, _("The traces")),
            (ExportList.SESSIONS.value, _("Their sessions, added up")),
        ]
        return {"rows": forms.ChoiceField(label=_("Rows"), choices=rows), **fields}
    return fields


def _export(actor: Actor, workspace: Workspace, selection: Selection, values: Values) -> str:
    list_name = values.get("rows") or selection.kind.name
    columns = list(values["columns"])
    if columns and values["payloads"]:
        columns += ["input", "output"]
    sessions = list_name == ExportList.SESSIONS
    create_export(
        actor=actor,
        workspace=workspace,
        list_name=list_name,
        selection=selection,
        file_format=values["format"],
        columns=() if sessions else columns,
        payloads=bool(values["payloads"]),
    )
    return format_html(
        '{} <a class="fw-link" href="{}">{}</a>',
        _("The file is being written."),
        reverse("admin:tracing_traceexport_changelist"),
        _("See the exports"),
    )


_ACTIONS: Final[Mapping[str, BulkAction]] = {
    "tag": BulkAction(
        _("Tag the traces"),
        needs=("change", Trace),
        of_traces=True,
        run=_tag,
        told=tell(ngettext_lazy("%d trace was tagged.", "%d traces were tagged.")),
        fields=_tag_fields,
        prepare=_clean_tag,
    ),
    "untag": BulkAction(
        _("Take a tag away"),
        needs=("change", Trace),
        of_traces=True,
        run=_untag,
        told=tell(ngettext_lazy("The tag was taken from %d trace.", "The tag was taken from %d traces.")),
        fields=_tag_fields,
        prepare=_clean_tag,
        minor=True,
    ),
    "score": BulkAction(
        _("Score"),
        needs=("add", Score),
        run=_score,
        told=tell(ngettext_lazy("%d row was scored.", "%d rows were scored.")),
        fields=_score_fields,
        prepare=_read_score,
    ),
    "bookmark": BulkAction(
        _("Bookmark the traces"),
        needs=("change", Trace),
        of_traces=True,
        run=_bookmark,
        told=tell(ngettext_lazy("%d trace was bookmarked.", "%d traces were bookmarked.")),
        minor=True,
    ),
    "unmark": BulkAction(
        _("Remove the bookmarks"),
        needs=("change", Trace),
        of_traces=True,
        run=_unmark,
        told=tell(ngettext_lazy("%d bookmark was removed.", "%d bookmarks were removed.")),
        minor=True,
    ),
    "export": BulkAction(_("Export"), needs=("add", TraceExport), start=_export, fields=_export_fields),
    "delete": BulkAction(
        _("Delete"),
        needs=("delete", Trace),
        run=_delete,
        told=tell(ngettext_lazy("%d trace was deleted.", "%d traces were deleted.")),
        lists=("traces",),
        hint=_(
            "The traces are deleted with all their steps, inputs, outputs, scores and comments. There is no way back."
        ),
        danger=True,
    ),
}


def register_all() -> None:
    """Offer them; called once when the application starts."""
    for name, action in _ACTIONS.items():
        bulk.register(name, action)
