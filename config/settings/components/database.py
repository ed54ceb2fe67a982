"""PostgreSQL, embedded unless `DATABASE_URL` names another."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from apps.core.postgres import EmbeddedPostgres
from config.env import PROBLEMS, Problem, env
from config.settings.components.paths import VAR_DIR

DATABASE_URL = env.text(
    "DATABASE_URL",
    "",
    "PostgreSQL 16+ with pgvector, as postgresql://user:password@host:port/name.",
    secret=True,
    default_text="an embedded PostgreSQL in `var/postgres`",
)
EMBEDDED_POSTGRES = not DATABASE_URL
DATABASE_POOL_SIZE = env.integer(
    "DATABASE_POOL_SIZE", 20, "Largest number of pooled connections per web process."
)

# Approximate indexes keep scanning until enough rows pass the filters (pgvector iterative scan).
SESSION_OPTIONS = "-c hnsw.iterative_scan=relaxed_order -c hnsw.ef_search=80 -c hnsw.max_scan_tuples=20000"


def database_settings(url: str) -> dict[str, Any]:
    """Return Django's connection settings for a `postgresql://` address."""
    parts = urlsplit(url)
    if parts.scheme != "postgresql":
        PROBLEMS.append(Problem("DATABASE_URL", "DATABASE_URL: must start with postgresql://."))
    options: dict[str, Any] = {**dict(parse_qsl(parts.query)), "options": SESSION_OPTIONS}
    if DATABASE_POOL_SIZE:
        options["pool"] = {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


if DATABASE_URL.startswith("postgres://"):  # the other usual spelling
    DATABASE_URL = DATABASE_URL.replace("postgres://", "postgresql://", 1)
if EMBEDDED_POSTGRES:
    DATABASE_URL = EmbeddedPostgres(VAR_DIR / "postgres").dsn()
DATABASES = {"default": database_settings(DATABASE_URL)}
