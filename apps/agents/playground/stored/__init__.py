"""What stored observations say of a call, whoever wrote them: messages, tools, parameters."""

from apps.agents.playground.stored.call import StoredAnswer, StoredCall, read_answer, read_call

__all__ = ["StoredAnswer", "StoredCall", "read_answer", "read_call"]
