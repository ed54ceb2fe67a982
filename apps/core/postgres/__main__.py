"""`python -m apps.core.postgres start|stop|status|url DIR`: the embedded server by hand."""

import argparse
import sys
from pathlib import Path

from . import TEST, EmbeddedPostgres, PostgresError


def run(action: str, server: EmbeddedPostgres) -> int:
    """Do `action`; the exit code of `status` says whether the server runs."""
    if action == "start":
        sys.stdout.write(f"{server.start()}\n")
    elif action == "stop":
        server.stop()
    elif action == "url":
        sys.stdout.write(f"{server.dsn()}\n")
    else:
        running = server.running()
        sys.stdout.write(f"{'running' if running else 'stopped'}\n")
        return 0 if running else 3
    return 0


def main() -> int:
    """Parse the command line and run it; an expected failure is one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m apps.core.postgres", description=__doc__)
    parser.add_argument("action", choices=["start", "stop", "status", "url"])
    parser.add_argument("directory", type=Path, help="where the server's files live")
    parser.add_argument("--test", action="store_true", help="settings for tests: fast, not durable")
    options = parser.parse_args()
    try:
        return run(
            options.action, EmbeddedPostgres(options.directory, settings=TEST if options.test else None)
        )
    except PostgresError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
