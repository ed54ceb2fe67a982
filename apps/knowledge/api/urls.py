"""Routes of the knowledge API."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from apps.knowledge.api.views import ChunkViewSet, DocumentViewSet, KnowledgeBaseViewSet

router = SimpleRouter()
router.register("knowledge-bases", KnowledgeBaseViewSet, basename="knowledge-base")
router.register("documents", DocumentViewSet, basename="document")
router.register("chunks", ChunkViewSet, basename="chunk")

urlpatterns = router.urls
