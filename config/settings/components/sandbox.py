"""Where user code runs, and how much of it at a time."""

from __future__ import annotations

from config.env import env
from config.settings.components.paths import VAR_DIR

SANDBOX_SOCKET = env.path(
    "SANDBOX_SOCKET",
    VAR_DIR / "sandbox",
    "Directory of the sandbox's sockets, shared by the sandbox and the processes that use it.",
    default_text="`sandbox/` in FLYWHEEL_VAR_DIR",
)
SANDBOX_URL = env.text(
    "SANDBOX_URL", "", "Address of a sandbox on another host, as `tls://host:port`; empty uses SANDBOX_SOCKET."
)
SANDBOX_CA = env.text(
    "SANDBOX_CA", "", "File with the certificate of the authority that both sides of SANDBOX_URL trust."
)
SANDBOX_CERT = env.text("SANDBOX_CERT", "", "File with this side's certificate for SANDBOX_URL.")
SANDBOX_KEY = env.text("SANDBOX_KEY", "", "File with the key of SANDBOX_CERT.")
SANDBOX_PACKAGES = env.items(
    "SANDBOX_PACKAGES",
    (),
    "Python packages that user code may import besides the standard library, such as numpy.",
)
SANDBOX_CLIENT_JOBS = env.integer(
    "SANDBOX_CLIENT_JOBS", 16, "Pieces of user code that one process keeps running at a time.", minimum=1
)
SANDBOX_QUEUE = env.integer(
    "SANDBOX_QUEUE", 100, "Pieces of user code that may wait for a turn in one process; more are refused."
)
