"""`manage.py sandbox`: the resident sandbox for user code, or what this machine offers for one.

`python -m apps.core.management.commands.sandbox` is the same without loading the apps, of which it needs the settings
alone.
"""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from apps.core.sandbox.server import launch
from apps.core.sandbox.server.config import REQUIRABLE, ServerConfig
from apps.core.sandbox.server.probe import probe
from config.env import default_settings


class Command(BaseCommand):
    """Replace this process by the supervisor, which knows nothing of Django and of the settings' secrets."""

    help = "Runs the sandbox for user code. Refuses to start where the machine can't confine it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--probe", action="store_true", help="Print the layers this machine offers, and end."
        )
        parser.add_argument(
            "--socket", default=str(settings.SANDBOX_SOCKET), help="Directory of the sockets."
        )
        parser.add_argument(
            "--stay", action="store_true", help="When it refuses to start, stay and tell clients the reason."
        )
        parser.add_argument(
            "--testing", default="{}", help="JSON with `disabled` layers and `uid`, to test what is left."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped."""
        unknown = sorted(set(settings.SANDBOX_REQUIRE) - set(REQUIRABLE))
        if unknown:
            raise CommandError(f"SANDBOX_REQUIRE names unknown layers: {', '.join(unknown)}.")
        try:
            config = server_config(
                options["socket"], stay=options["stay"], testing=json.loads(options["testing"])
            )
        except ModuleNotFoundError as error:
            raise CommandError(str(error)) from None
        if options["probe"]:
            good, lines = probe(config)
            print("\n".join(lines))
            sys.exit(0 if good else 1)
        launch.replace_process(config)


def server_config(
    directory: str, *, stay: bool = False, testing: dict[str, Any] | None = None
) -> ServerConfig:
    """The supervisor's configuration from the settings."""
    changed = testing or {}
    uid = changed.get("uid", settings.SANDBOX_UID)
    return ServerConfig(
        directory=directory,
        engine=launch.engine_path(),
        uid=uid,
        gid=uid,
        group=settings.SANDBOX_GROUP or None,
        slots=changed.get("slots", settings.SANDBOX_SLOTS),
        warm=changed.get("warm", settings.SANDBOX_WARM),
        require=tuple(settings.SANDBOX_REQUIRE),
        packages=tuple(settings.SANDBOX_PACKAGES),
        package_paths=launch.site_paths(),
        zone_paths=launch.zone_paths(),
        listen=settings.SANDBOX_LISTEN,
        ca=settings.SANDBOX_CA,
        certificate=settings.SANDBOX_CERT,
        key=settings.SANDBOX_KEY,
        stay=stay,
        disabled=tuple(changed.get("disabled", changed.get("disable", ()))),
    )


if __name__ == "__main__":
    default_settings()
    Command().run_from_argv(["manage.py", "sandbox", *sys.argv[1:]])
