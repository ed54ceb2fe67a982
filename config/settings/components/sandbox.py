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
    "SANDBOX_URL",
    "",
    "Address of a sandbox on another host, as `tls://host:port`; empty uses SANDBOX_SOCKET.",
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

SANDBOX_SLOTS = env.integer(
    "SANDBOX_SLOTS",
    0,
    "Pieces of user code that each of the sandbox's interpreters runs at a time; 0 is four per processor.",
)
SANDBOX_WARM = env.integer(
    "SANDBOX_WARM", 4, "Locked processes that each of the sandbox's interpreters keeps waiting for a job."
)
SANDBOX_REQUIRE = env.items(
    "SANDBOX_REQUIRE",
    (),
    "Layers without which the sandbox refuses to start, beyond the ones it always needs: userns, mountns, netns, "
    "ipcns, pidns, chroot, landlock, cgroup, mdwe.",
)
SANDBOX_UID = env.integer(
    "SANDBOX_UID",
    59_999,
    "User and group id that user code gets when the sandbox is started as root; nothing else should have it.",
    minimum=1,
)
SANDBOX_GROUP = env.integer(
    "SANDBOX_GROUP",
    0,
    "Id of a group whose members may use the sandbox's sockets too; 0 leaves them to their owner.",
)
SANDBOX_LISTEN = env.text(
    "SANDBOX_LISTEN",
    "",
    "Address the sandbox also serves to other hosts with mutual TLS, as `host:port`; empty for none.",
)
