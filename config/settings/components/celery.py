"""Background work: the broker carries wake-ups only, the truth is the job row."""

from __future__ import annotations

from config.env import env
from config.settings.components.database import DATABASE_URL

CELERY_BROKER_URL = env.text(
    "CELERY_BROKER_URL",
    "",
    "Message broker: redis://… or amqp://…",
    secret=True,
    default_text="the database itself",
) or DATABASE_URL.replace("postgresql://", "pgmq://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"

JOB_QUEUES = ("default", "indexing", "runs", "evaluation")
JOB_LEASE_S = 15.0  # a job whose process is gone is taken up again after this time
JOB_HEARTBEAT_S = 4.0
JOBS_DISPATCH = "celery"
WORKER_CONCURRENCY = env.integer("WORKER_CONCURRENCY", 2, "Jobs that one worker runs at the same time.", minimum=1)
WEB_CONCURRENCY = env.integer("WEB_CONCURRENCY", 1, "Web server processes.", minimum=1)
