"""How the layer connects: a dead link must be noticed, and a restarting server waited for."""

from psycopg.conninfo import make_conninfo

#: Seconds to wait before each try of a send; a restart of the server fits in.
SEND_DELAYS = (0.0, 0.2, 1.0)

FIRST_RECONNECT_SECONDS = 0.1
LAST_RECONNECT_SECONDS = 5.0


def connection_string(conninfo: str, role: str) -> str:
    """`conninfo` with the settings that tell a dead link within half a minute."""
    return make_conninfo(
        conninfo,
        application_name=f"flywheel-layer-{role}",
        connect_timeout=10,
        keepalives_idle=15,
        keepalives_interval=5,
        keepalives_count=3,
    )
