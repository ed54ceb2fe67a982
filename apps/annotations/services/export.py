"""Making training files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.exceptions import UnknownExportFormat, UnknownVersion
from apps.annotations.exporters import Report, UnknownFormatError, get, write_lines
from apps.annotations.exporters.base import Exporter
from apps.annotations.models import Dataset, DatasetItem, DatasetVersion, Export
from apps.annotations.services.dataset_version import freeze
from apps.core import audit, jobs
from apps.core.actors import Actor
from apps.core.permissions import require

#: Up to this many items a file is written while the person waits; more become a job with progress.
INLINE_ITEMS = 1000
JOB = "annotations.write_export"
_PROGRESS_EVERY = 200


def exporter_named(name: str) -> Exporter:
    """The exporter; raises `UnknownExportFormat`."""
    try:
        return get(name)
    except UnknownFormatError as error:
        raise UnknownExportFormat(_("There is no format “%(name)s”.") % {"name": name}) from error


def version_numbered(dataset: Dataset, number: int) -> DatasetVersion:
    """The frozen version; raises `UnknownVersion`."""
    version = DatasetVersion.objects.filter(dataset=dataset, number=number).first()
    if version is None:
        raise UnknownVersion(_("The dataset has no version %(number)d.") % {"number": number})
    return version


@transaction.atomic
def create_export(*, actor: Actor, dataset: Dataset, file_format: str, version: int | None = None) -> Export:
    """Start a training file from a version; None freezes the present state, so that each file names one.

    A small file is complete when this returns; a large one is written by a job (`export.job`).
    """
    require(actor, "export", dataset)
    exporter_named(file_format)
    source = freeze(actor=actor, dataset=dataset) if version is None else version_numbered(dataset, version)
    export = Export.objects.create(
        workspace_id=dataset.workspace_id,
        dataset=dataset,
        version=source,
        format=file_format,
        author=actor.user,
    )
    audit.record(
        actor=actor, action="annotations.export.create", obj=export, after=audit.snapshot(export, ["format"])
    )
    if source.item_count <= INLINE_ITEMS:
        write_export(export=export)
    else:
        export.job = jobs.enqueue(
            JOB,
            actor=actor,
            workspace=dataset.workspace,
            args={"export_id": str(export.pk)},
            subject=export,
            title=_("Export of %(name)s") % {"name": f"{dataset.name} v{source.number}"},
        )
        export.save(update_fields=["job", "updated_at"])
    return export


def write_export(*, export: Export, progress: Callable[[int, int], None] | None = None) -> Export:
    """Write the file and its manifest. Running it again after a crash starts over and replaces the file."""
    if export.completed_at is not None:
        return export
    report = Report()
    exporter = exporter_named(export.format)
    items = DatasetItem.objects.filter(dataset=export.dataset_id).at(export.version.number)
    total = export.version.item_count
    with tempfile.TemporaryFile() as target:
        for line in write_lines(exporter, items.examples(), report):
            target.write(line)
            seen = report.written + report.rejected
            if progress is not None and seen % _PROGRESS_EVERY == 0:
                progress(seen, total)
        target.seek(0)
        if export.file:
            export.file.delete(save=False)
        export.file.save(export.filename, File(target), save=False)
    if progress is not None:
        progress(total, total)
    return _complete(export, report)


def _complete(export: Export, report: Report) -> Export:
    export.row_count = report.written
    export.rejected_count = report.rejected
    export.rejections = [_plain(asdict(rejection)) for rejection in report.rejections]
    export.byte_count = report.byte_count
    export.sha256 = report.sha256
    export.completed_at = timezone.now()
    export.save()
    return export


def _plain(rejection: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in rejection.items()}


@transaction.atomic
def delete_export(*, actor: Actor, export: Export) -> None:
    """Delete the export and its file."""
    require(actor, "delete", export)
    audit.record(actor=actor, action="annotations.export.delete", obj=export, before=audit.snapshot(export))
    file = export.file
    export.delete()
    if file and (name := file.name):
        transaction.on_commit(lambda: file.storage.delete(name))
