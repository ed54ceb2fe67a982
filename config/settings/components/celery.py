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
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "conn_string": DATABASE_URL,
        "init_extension": False,  # the schema comes from a migration
        "use_notify": True,
        "notify_throttle_interval_ms": 0,
        "wait_time_seconds": 0,  # a long poll on one queue would block the others
        "polling_interval": 0.25,
        "visibility_timeout": 60,  # a wake-up seen twice does no harm
        "pool_size": 4,
    }
    if CELERY_BROKER_URL.startswith("pgmq://")
    else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # wait for the broker as long as it takes
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0.1,
    "interval_step": 0.3,
    "interval_max": 0.5,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 2  # with 1 the pgmq transport sleeps a polling interval between tasks
CELERY_WORKER_ENABLE_REMOTE_CONTROL = (
    False  # its reply queues have names too long for pgmq; jobs are cancelled by row
)
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "config.scheduler:RegistryScheduler"
CELERY_TIMEZONE = "UTC"

JOB_QUEUES = ("default", "indexing", "runs", "evaluation")
JOB_LEASE_S = 15.0  # a job whose process is gone is taken up again after this time
JOB_HEARTBEAT_S = 4.0
JOBS_DISPATCH = "celery"
WORKER_CONCURRENCY = env.integer(
    "WORKER_CONCURRENCY", 2, "Jobs that one worker runs at the same time.", minimum=1
)
WEB_CONCURRENCY = env.integer("WEB_CONCURRENCY", 1, "Web server processes.", minimum=1)

ANSWER_LEASE_S = 15.0  # an answer whose process is gone is closed after this time, with what was said
ANSWER_HEARTBEAT_S = 4.0

RUN_LEASE_S = 15.0  # a run whose process is gone goes on in another after this time
RUN_HEARTBEAT_S = 4.0
RUN_MAX_STALLS = 7  # a run that ends its process this often without getting any further is given up
RUNNER_SLOTS = env.integer(
    "RUNNER_SLOTS", 200, "Runs of workflows that one process executes at the same time.", minimum=1
)
