"""Where the knowledge pages are mounted below the console."""

from __future__ import annotations

from apps.core.admin.pages import register
from apps.knowledge.admin import pages


def register_pages() -> None:
    """Called once from `apps.py`."""
    register("knowledge/", pages.BasesPage, "knowledge_bases")
    register("knowledge/hit-testing/", pages.HitTestingPage, "knowledge_hit_testing")
    register("knowledge/documents/<uuid:document_id>/", pages.DocumentPage, "knowledge_document")
    register("knowledge/chunks/<uuid:chunk_id>/", pages.ChunkPage, "knowledge_chunk")
    register("knowledge/<uuid:base_id>/", pages.BasePage, "knowledge_base")
    register("knowledge/<uuid:base_id>/upload/", pages.UploadPage, "knowledge_upload")
    register("knowledge/<uuid:base_id>/settings/", pages.SettingsPage, "knowledge_settings")
