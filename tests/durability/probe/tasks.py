"""The job: it counts into a table, one committed row per step, and goes on where it stopped."""

import time

from django.db import connection

from apps.core import jobs


@jobs.task("probe.count")
def count(ctx: jobs.JobContext, *, series: str, steps: int) -> None:
    """Write the rows 1 to `steps`; the table takes doubles, so that a doubled effect would show."""
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(step), 0) from probe_count where series = %s", [series])
        (done,) = cursor.fetchone()
        for step in range(done + 1, steps + 1):
            cursor.execute("insert into probe_count values (%s, %s)", [series, step])
            ctx.progress(step, steps)
            time.sleep(0.05)
