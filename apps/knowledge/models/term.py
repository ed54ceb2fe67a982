"""How many searchable chunks of a base hold a term."""

from __future__ import annotations

from django.db import models

from apps.knowledge.models.knowledge_base import KnowledgeBase


class Term(models.Model):
    """Document frequency for BM25; kept by the services in the transaction that changes the chunks."""

    base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="+", db_index=False)
    term = models.CharField(max_length=140)
    df = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "term"], name="knowledge_term_once")]

    def __str__(self) -> str:
        return self.term
