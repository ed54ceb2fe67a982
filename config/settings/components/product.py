"""Settings of the product's own domains."""

from __future__ import annotations

from config.env import env
from config.secret_files import load_or_create
from config.settings.components.paths import VAR_DIR

ENCRYPTION_KEYS = env.items(
    "ENCRYPTION_KEYS",
    (),
    "Key ring for secrets at rest: the first key encrypts, the others still decrypt. Generated in `var/` when unset.",
    secret=True,
) or (load_or_create(VAR_DIR / "encryption_key"),)

ADMIN_EMAIL = env.text("FLYWHEEL_ADMIN_EMAIL", "admin@localhost", "Login of the first administrator.")
ADMIN_PASSWORD = env.text(
    "FLYWHEEL_ADMIN_PASSWORD",
    "",
    "Password of the first administrator.",
    secret=True,
    default_text="generated and printed once",
)
LOAD_STARTER_WORKSPACE = env.boolean(
    "LOAD_STARTER_WORKSPACE", True, "Fill the first workspace with examples."
)

OPENAI_API_KEY = env.text(
    "OPENAI_API_KEY", "", "Registers an OpenAI provider at the first start.", secret=True
)
OPENAI_BASE_URL = env.text("OPENAI_BASE_URL", "https://api.openai.com/v1", "Address for OPENAI_API_KEY.")
OLLAMA_URL = env.text(
    "OLLAMA_URL", "http://127.0.0.1:11434", "An Ollama here is registered at the first start."
)
ALLOW_PRIVATE_PROVIDERS = env.boolean(
    "ALLOW_PRIVATE_PROVIDERS",
    True,
    "Let model providers live on private addresses (Ollama, vLLM in your network).",
)

TRACE_RETENTION_DAYS = env.integer("TRACE_RETENTION_DAYS", 0, "Drop traces older than this; 0 keeps them.")
TRACE_CONTENT = env.boolean("TRACE_CONTENT", True, "Record prompts and answers in traces.")
TRACE_EXPORT_MAX_ROWS = env.integer(
    "TRACE_EXPORT_MAX_ROWS", 1_000_000, "Rows an exported list may have.", minimum=1
)
TRACE_EXPORT_MAX_MB = env.integer(
    "TRACE_EXPORT_MAX_MB", 2_048, "Megabytes after which an exported file ends.", minimum=1
)
TRACE_EXPORT_DAYS = env.integer("TRACE_EXPORT_DAYS", 7, "Keep exported files this long.", minimum=1)
STREAM_RETENTION_DAYS = env.integer(
    "STREAM_RETENTION_DAYS", 7, "Keep token streams of finished answers this long."
)
RUN_RETENTION_DAYS = env.integer(
    "RUN_RETENTION_DAYS", 90, "Keep what the nodes of ended runs did this long; 0 keeps it."
)
RUN_WAIT_S = env.integer("RUN_WAIT_S", 120, "Longest time a call waits for the end of a run.", minimum=1)
