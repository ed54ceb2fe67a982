"""Finding passages: vectors, full text, or both, over one or several bases."""

from apps.knowledge.retrieval.results import Hit, Retrieval
from apps.knowledge.retrieval.retriever import retrieve, retrieve_sync
from apps.knowledge.settings import RetrievalSettings

__all__ = ["Hit", "Retrieval", "RetrievalSettings", "retrieve", "retrieve_sync"]
