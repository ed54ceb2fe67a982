"""Registration of the knowledge part."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KnowledgeConfig(AppConfig):
    """Bases, documents, chunks; parsing, indexing, retrieval, hit testing."""

    name = "apps.knowledge"
    label = "knowledge"
    verbose_name = _("Knowledge")

    def ready(self) -> None:
        """Mount the pages, open the topics, add the navigation entry and the link from traces."""
        from apps.core.admin import dashboard, navigation
        from apps.core.events import register_topic
        from apps.knowledge import selectors
        from apps.knowledge.admin.dashboard import documents_step
        from apps.knowledge.admin.links import document_link
        from apps.knowledge.admin.routes import register_pages
        from apps.tracing import links

        register_pages()
        dashboard.register_step(20, documents_step)
        register_topic("knowledge.knowledgebase", selectors.may_watch_base)
        register_topic("knowledge.document", selectors.may_watch_document)
        links.register("knowledge.document", document_link)
        navigation.register(
            "Build",
            _("Knowledge"),
            "menu_book",
            "admin:knowledge_bases",
            20,
            action="view",
            model="knowledge.KnowledgeBase",
        )
