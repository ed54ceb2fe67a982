"""`python -m apps.core.sandbox.server`: the sandbox without the product around it, for a container of its own."""

from __future__ import annotations

import argparse
import sys

from apps.core.sandbox.server import launch
from apps.core.sandbox.server.config import DEFAULT_UID, REQUIRABLE, ServerConfig
from apps.core.sandbox.server.probe import probe


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="sandbox", description="Runs user code, confined.")
    parser.add_argument("--socket", required=True, help="directory for the sockets; made when it is missing")
    parser.add_argument("--group", type=int, help="id of a group that may use the sockets too")
    parser.add_argument("--listen", default="", help="host:port for other hosts, with mutual TLS")
    parser.add_argument("--ca", default="", help="certificate of the authority that both sides trust")
    parser.add_argument("--certificate", default="", help="this side's certificate")
    parser.add_argument("--key", default="", help="key of the certificate")
    parser.add_argument("--require", nargs="*", default=[], choices=REQUIRABLE, help="layers it must have")
    parser.add_argument("--packages", nargs="*", default=[], help="Python packages that code may import")
    parser.add_argument("--slots", type=int, default=0, help="jobs at a time; 0 is four per processor")
    parser.add_argument("--warm", type=int, default=4, help="processes that wait for jobs")
    parser.add_argument("--uid", type=int, default=DEFAULT_UID, help="identity of jobs when started as root")
    parser.add_argument("--stay", action="store_true", help="when it refuses to start, stay to say why")
    parser.add_argument("--probe", action="store_true", help="print the layers this machine offers, and end")
    return parser.parse_args(arguments)


def configuration(options: argparse.Namespace) -> ServerConfig:
    """The supervisor's configuration."""
    return ServerConfig(
        directory=options.socket,
        engine=launch.engine_path(),
        uid=options.uid,
        gid=options.uid,
        group=options.group,
        slots=options.slots,
        warm=options.warm,
        require=tuple(options.require),
        packages=tuple(options.packages),
        package_paths=launch.site_paths(),
        zone_paths=launch.zone_paths(),
        listen=options.listen,
        ca=options.ca,
        certificate=options.certificate,
        key=options.key,
        stay=options.stay,
    )


def main() -> int:
    """Probe, or become the supervisor."""
    options = parse(sys.argv[1:])
    config = configuration(options)
    if options.probe:
        good, lines = probe(config)
        sys.stdout.write("\n".join([*lines, ""]))
        return 0 if good else 1
    launch.replace_process(config)
    return 1


if __name__ == "__main__":
    sys.exit(main())
