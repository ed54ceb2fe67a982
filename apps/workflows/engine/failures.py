"""What becomes of the exceptions that nodes raise."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from apps.workflows.dsl.errors import LanguageError
from apps.workflows.engine.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.workflows.engine.execution import Execution
    from apps.workflows.engine.graph import RetryPolicy

#: The longest rest somebody else can ask for, in seconds.
LONGEST_REST_S = 600.0

logger = logging.getLogger(__name__)


def as_node_error(error: BaseException, execution: Execution) -> NodeError:
    """An exception as the failure of a node; one that no node should raise is logged with its traceback."""
    if isinstance(error, NodeError):
        return error
    if isinstance(error, LanguageError):
        return NodeError(error.message, code=error.code)
    logger.error("The node %s (%s) broke.", execution.path, execution.spec.type, exc_info=error)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return NodeError(text[:2000], code="node_broken")


def error_outputs(error: NodeError) -> dict[str, Any]:
    """What a node leaves behind when its error strategy took care of an error."""
    return {"is_success": False, "error_message": error.message, "error_code": error.code}


def rest_of(retry: RetryPolicy, tries: int, error: NodeError, chance: Callable[[], float]) -> float:
    """Seconds to rest after `tries` + 1 failures.

    They grow exponentially; with jitter it is anything from half of that on (`chance` gives 0 to 1). Whoever was asked
    may say how long to stay away (`retry_after_s` in the error's details, such as HTTP's Retry-After): that is kept to,
    up to `LONGEST_REST_S`.
    """
    rest = min(retry.delay_ms * retry.factor**tries, retry.max_delay_ms) / 1000
    if retry.jitter:
        rest *= 0.5 + chance() / 2
    asked = error.details.get("retry_after_s")
    return max(rest, min(asked, LONGEST_REST_S)) if isinstance(asked, int | float) else rest
