"""Log lines go to standard error; the supervisor or the container runtime keeps them."""

from __future__ import annotations

from config.env import env

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"), "How much is logged.")
LOG_FORMAT = env.choice(
    "LOG_FORMAT", "text", ("text", "json"), "Lines for people, or JSON objects with trace ids."
)
PROCESS = env.text("FLYWHEEL_PROCESS", "", "Name of this process in log lines; the supervisor sets it.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "apps.tracing.logs.JsonFormatter", "process": PROCESS},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "aiohttp": {"level": "WARNING"},
        # it brings a handler of its own
        "gunicorn.error": {"handlers": ["console"], "propagate": False},
        # two lines for every task, and there are many
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "pdfminer": {"level": "ERROR"},
    },
}
