"""Text analysis without a dictionary: tokens for full-text search, script and language of a text."""

from apps.knowledge.analysis.analyzer import analyze
from apps.knowledge.analysis.language import detect_language, is_english

__all__ = ["analyze", "detect_language", "is_english"]
