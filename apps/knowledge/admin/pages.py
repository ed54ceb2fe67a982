"""The knowledge pages of the console."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.core import permissions
from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError
from apps.core.models import User
from apps.knowledge import selectors
from apps.knowledge.admin.hit_testing import MODES, HitTest, run_hit_test
from apps.knowledge.admin.uploads import receive
from apps.knowledge.models import Chunk, Document, DocumentState, KnowledgeBase
from apps.knowledge.models.document import STAGES
from apps.knowledge.parsing import EXTENSIONS
from apps.providers.models import Model, ModelSlot

T = TypeVar("T")

DOCUMENTS_PER_PAGE = 50
CHUNKS_PER_PAGE = 30


class KnowledgePage(ConsolePage):
    """Finds objects among what the person may see; everything else does not exist."""

    @property
    def person(self) -> User:
        """The signed-in person; the admin site lets nobody else in."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101  # the admin site has checked it
        return user

    def find_base(self, base_id: UUID) -> KnowledgeBase:
        """A base, or 404."""
        bases = KnowledgeBase.objects.in_workspace(self.workspace).visible_to(self.person).with_models()
        return _or_404(bases.filter(pk=base_id).first())

    def find_document(self, document_id: UUID) -> Document:
        """A document with its base, or 404."""
        documents = (
            Document.objects.in_workspace(self.workspace).visible_to(self.person).select_related("base")
        )
        return _or_404(documents.filter(pk=document_id).first())

    def may_change(self, obj: KnowledgeBase | Document) -> bool:
        """Whether editing controls are shown."""
        return permissions.allows(self.person, "change", obj)


class BasesPage(KnowledgePage):
    """All bases of the workspace, and the form for a new one."""

    title = gettext_lazy("Knowledge")
    template_name = "knowledge/base_list.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Bases with their counts."""
        return {
            "bases": selectors.bases_with_counts(self.person, self.workspace),
            "models": _embedding_models(self),
            "can_add": permissions.allows_in(self.person, "add", KnowledgeBase, self.workspace),
        }


class BasePage(KnowledgePage):
    """The documents of a base, with upload and live progress."""

    template_name = "knowledge/base_documents.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The page, or one row of its table when a script asks for it."""
        if row := request.GET.get("row"):
            document = self.find_document(_uuid(row))
            return render(
                request, "knowledge/_document_row.html", _row_context(self, document.base, document)
            )
        return super().get(request, **kwargs)

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of documents."""
        base = self.find_base(kwargs["base_id"])
        state, search = request.GET.get("state", ""), _search(request)
        documents = selectors.documents_of(base, state=state, search=search)
        page = Paginator(documents, DOCUMENTS_PER_PAGE).get_page(request.GET.get("page"))
        return {
            "title": base.name,
            "base": base,
            "tab": "documents",
            "page": page,
            "state": state,
            "search": search,
            "states": [("working", _("In progress")), *_final_states()],
            "can_change": self.may_change(base),
            "query": _query(request),
            "page_data": _upload_data(base),
            "accept": ",".join(EXTENSIONS),
            "limit": settings.MAX_UPLOAD_BYTES,
        }


class UploadPage(KnowledgePage):
    """Takes one file as the body of a POST: `?name=…&size=…`. Streams it to disk; a size over the limit is
    not read."""

    def post(self, request: HttpRequest, base_id: UUID) -> HttpResponse:
        """Answer with the document's row, or a problem a script can show."""
        base = self.find_base(base_id)
        try:
            document = receive(self.actor, base, request)
        except FlywheelError as error:
            return JsonResponse(
                {
                    "code": error.code,
                    "title": str(error.title),
                    "detail": str(error.detail),
                    "status": error.status,
                },
                status=error.status,
            )
        return render(request, "knowledge/_document_row.html", _row_context(self, base, document), status=201)


class SettingsPage(KnowledgePage):
    """Name, chunking, retrieval and embedding model of a base."""

    template_name = "knowledge/base_settings.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Current settings and what can be chosen."""
        base = self.find_base(kwargs["base_id"])
        return {
            "title": base.name,
            "base": base,
            "tab": "settings",
            "chunking": base.chunking_settings,
            "retrieval": base.retrieval_settings,
            "models": _embedding_models(self),
            "rerankers": _models(self, ModelSlot.RERANK),
            "job": selectors.latest_job(base) if base.next_embedding_model_id else None,
            "can_change": self.may_change(base),
            "can_delete": permissions.allows(self.person, "delete", base),
            "page_data": {"base": str(base.pk), "api": _api("knowledge-base", base.pk), "list": _list_url()},
        }


class HitTestingPage(KnowledgePage):
    """Try a query: vector, full text and hybrid side by side."""

    title = gettext_lazy("Hit testing")
    template_name = "knowledge/hit_testing.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The form; with `q` also the results, so that a test can be sent as a link."""
        bases = list(
            KnowledgeBase.objects.in_workspace(self.workspace).visible_to(self.person).order_by("name")
        )
        chosen = selectors.bases_by_id(self.person, self.workspace, request.GET.getlist("base"))
        if not chosen and bases:
            chosen = selectors.bases_by_id(self.person, self.workspace, [str(bases[0].pk)])
        test = HitTest.from_query(request.GET, chosen)
        only = chosen[0] if len(chosen) == 1 else None
        return {
            "title": only.name if only else _("Hit testing"),
            "bases": bases,
            "chosen": {base.pk for base in chosen},
            "base": only,
            "tab": "hit_testing",
            "test": test,
            "columns": run_hit_test(test) if test.query and chosen else [],
            "modes": MODES,
            "can_change": bool(only and self.may_change(only)),
            "page_data": {"chunks": reverse("chunk-list")},
        }


class DocumentPage(KnowledgePage):
    """A document and its chunks."""

    template_name = "knowledge/document.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of chunks."""
        document = self.find_document(kwargs["document_id"])
        search = _search(request)
        chunks = Chunk.objects.current(document)
        chunks = chunks.containing(search) if search else chunks
        page: Page[Chunk] = Paginator(chunks, CHUNKS_PER_PAGE).get_page(request.GET.get("page"))
        return {
            "title": document.name,
            "base": document.base,
            "document": document,
            "stages": STAGES,
            "page": page,
            "search": search,
            "query": _query(request),
            "can_change": self.may_change(document),
            "page_data": _document_data(document),
        }


class ChunkPage(KnowledgePage):
    """One chunk between its neighbours: what a citation opens."""

    template_name = "knowledge/chunk.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The chunk in its document."""
        chunks = (
            Chunk.objects.in_workspace(self.workspace)
            .visible_to(self.person)
            .select_related("document__base")
        )
        chunk = _or_404(chunks.filter(pk=kwargs["chunk_id"]).first())
        document = chunk.document
        place = ngettext(
            "chunk %(position)d of %(count)d", "chunk %(position)d of %(count)d", document.chunk_count
        )
        return {
            "title": document.name,
            "base": document.base,
            "document": document,
            "around": selectors.neighbourhood(chunk),
            "place": place % {"position": chunk.position + 1, "count": document.chunk_count},
            "chunk_page": chunk.position // CHUNKS_PER_PAGE + 1,
            "can_change": self.may_change(document),
            "page_data": {"chunks": reverse("chunk-list")},
        }


def _or_404(obj: T | None) -> T:
    if obj is None:
        raise Http404
    return obj


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Http404 from None


def _embedding_models(page: KnowledgePage) -> list[Model]:
    return _models(page, ModelSlot.EMBEDDING)


def _models(page: KnowledgePage, slot: ModelSlot) -> list[Model]:
    models = Model.objects.in_workspace(page.workspace).visible_to(page.person).select_related("provider")
    return list(models.filter(slot=slot, enabled=True).order_by("created_at"))


def _final_states() -> list[tuple[str, str]]:
    return [(state.value, str(state.label)) for state in DocumentState if state.is_final]


def _row_context(page: KnowledgePage, base: KnowledgeBase, document: Document) -> dict[str, Any]:
    return {"base": base, "document": document, "can_change": page.may_change(base)}


def _search(request: HttpRequest) -> str:
    # PostgreSQL refuses NUL in any parameter.
    return request.GET.get("q", "").replace("\x00", "").strip()[:200]


def _query(request: HttpRequest) -> str:
    query = request.GET.copy()
    query.pop("page", None)
    return query.urlencode()


def _api(basename: str, pk: UUID) -> str:
    return reverse(f"{basename}-detail", args=[pk])


def _list_url() -> str:
    return reverse("admin:knowledge_bases")


def _upload_data(base: KnowledgeBase) -> dict[str, Any]:
    return {
        "base": str(base.pk),
        "upload": reverse("admin:knowledge_upload", args=[base.pk]),
        "documents": reverse("document-list"),
        "page": reverse("admin:knowledge_base", args=[base.pk]),
        "limit": settings.MAX_UPLOAD_BYTES,
        "extensions": list(EXTENSIONS),
        "states": {state.value: str(state.label) for state in DocumentState},
    }


def _document_data(document: Document) -> dict[str, Any]:
    return {
        "document": str(document.pk),
        "api": _api("document", document.pk),
        "chunks": reverse("chunk-list"),
        "base_url": reverse("admin:knowledge_base", args=[document.base_id]),
        "states": {state.value: str(state.label) for state in DocumentState},
    }
