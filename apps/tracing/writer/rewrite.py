"""Writing observations anew: the one exception to their being immutable, for spans that arrive in pieces."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
import psycopg

from apps.tracing.mapping import ObservationRow
from apps.tracing.models.fields import signed
from apps.tracing.writer.writer import SpanWriter, WriteResult

# The old rows go, and their figures out of the trace's. The trace's texts came from the root where that is among them:
# they are emptied so that its new form says them again.
_REMOVE: Final = """
WITH old AS (
    SELECT * FROM json_to_recordset(%s::json) AS k (
        workspace_id uuid, trace_id uuid, span_id bigint, start_time timestamptz
    )
),
payload AS (
    DELETE FROM tracing_observationpayload p USING old
    WHERE p.workspace_id = old.workspace_id AND p.trace_id = old.trace_id AND p.span_id = old.span_id
      AND p.start_time = old.start_time
),
gone AS (
    DELETE FROM tracing_observation o USING old
    WHERE o.workspace_id = old.workspace_id AND o.trace_id = old.trace_id AND o.span_id = old.span_id
      AND o.start_time = old.start_time
    RETURNING o.workspace_id, o.trace_id, o.span_id, o.received_at, o.parent_id IS NULL AS root,
        o.status = 'error' AS failed, coalesce(o.input_tokens, 0) AS input_tokens,
        coalesce(o.output_tokens, 0) AS output_tokens, coalesce(o.cost, 0) AS cost
),
figures AS (
    SELECT workspace_id, trace_id, count(*) AS count, count(*) FILTER (WHERE failed) AS errors, bool_or(root) AS root,
        sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost) AS cost
    FROM gone GROUP BY workspace_id, trace_id
),
trace AS (
    UPDATE tracing_trace t SET
        observation_count = t.observation_count - f.count, error_count = t.error_count - f.errors,
        input_tokens = t.input_tokens - f.input_tokens, output_tokens = t.output_tokens - f.output_tokens,
        cost = t.cost - f.cost,
        has_root = t.has_root AND NOT f.root,
        status = CASE
            WHEN t.has_root AND NOT f.root THEN t.status
            WHEN t.error_count - f.errors > 0 THEN 'error'
            ELSE 'ok'
        END,
        session_id = CASE WHEN f.root THEN '' ELSE t.session_id END,
        user_id = CASE WHEN f.root THEN '' ELSE t.user_id END,
        release = CASE WHEN f.root THEN '' ELSE t.release END,
        version = CASE WHEN f.root THEN '' ELSE t.version END
    FROM figures f WHERE t.workspace_id = f.workspace_id AND t.trace_id = f.trace_id
)
SELECT workspace_id, trace_id, span_id, received_at FROM gone
"""

# When a step was received decides when it is added up and sent on: that happened, or will, once.
_KEEP_TIME: Final = """
UPDATE tracing_observation SET received_at = %s
WHERE workspace_id = %s AND trace_id = %s AND span_id = %s AND start_time = %s
"""


class SpanRewriter(SpanWriter):
    """Writes rows in place of those that are stored. Not thread-safe, as its base."""

    def __init__(self) -> None:
        super().__init__()
        self._old: Mapping[int, datetime] = {}

    def rewrite(self, rows: Iterable[ObservationRow], old: Mapping[int, datetime]) -> WriteResult:
        """Store `rows`; `old` is the start time a row is stored with by now, by the row's `id()`.

        A row that the database refuses leaves the old one as it is. Raises as `write`.
        """
        self._old = old
        return self.write(rows)

    def _insert(self, rows: Sequence[ObservationRow]) -> int:
        connection = self._connected()
        with connection.transaction():
            received = self._remove(connection, rows)
            stored = super()._insert(rows)
            for row in rows:
                key = (row.workspace_id, row.trace_id, signed(row.span_id))
                if key in received:
                    connection.execute(_KEEP_TIME, (received[key], *key, row.start_time))
        return stored

    def _remove(
        self, connection: psycopg.Connection[Any], rows: Sequence[ObservationRow]
    ) -> dict[tuple[Any, str, int], datetime]:
        """Remove what is stored of these rows; returns when each was received."""
        keys = [
            {
                "workspace_id": row.workspace_id,
                "trace_id": row.trace_id,
                "span_id": signed(row.span_id),
                "start_time": start,
            }
            for row in rows
            for start in {row.start_time, self._old.get(id(row), row.start_time)}
        ]
        gone = connection.execute(_REMOVE, [orjson.dumps(keys).decode()]).fetchall()
        return {(workspace_id, trace_id.hex, span_id): at for workspace_id, trace_id, span_id, at in gone}
