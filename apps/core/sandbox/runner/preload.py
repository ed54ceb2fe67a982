"""What a Python zygote holds ready before it locks itself."""

from __future__ import annotations

import builtins
import codecs
import importlib
import io
import os
import sys
from typing import TYPE_CHECKING

from apps.core.sandbox import modules
from apps.core.sandbox.runner import files, frames, loader

if TYPE_CHECKING:
    from typing import Any

WALKED = (
    "email",
    "encodings",
    "json",
    "html",
    "xml",
    "collections",
    "concurrent.futures",
    "asyncio",
    "logging",
)
ZONES = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo")
ZONE_MAGIC = b"TZif"
ZONE_PREFIX = "zone:"
NEUTRAL = {
    "prefix": "/usr", "base_prefix": "/usr", "exec_prefix": "/usr", "base_exec_prefix": "/usr", "executable": "",
    "_base_executable": "", "argv": ["sandbox"], "orig_argv": ["sandbox"], "_stdlib_dir": "", "_home": None,
    "platlibdir": "lib", "pycache_prefix": None,
}  # fmt: skip


def python(config: dict[str, Any]) -> None:
    """Import, then forget the way to the files. `config["missing"]` becomes the packages that could not be imported."""
    archive = loader.build_archive(_zones(config["zones"]))
    _import(modules.CORE_IMPORTS)
    names = [*modules.CODECS]
    if config["kind"] != "python":
        _import(modules.LIBRARY_IMPORTS)
        for package in WALKED:
            _import_below(package)
        names += [*modules.LIBRARY_CODECS]
    for name in names:
        codecs.lookup(name)
    config["missing"] = _import_packages(config["packages"], config["package_paths"])
    _serve_zones(archive)
    _forget_machine()
    if "asyncio" in sys.modules:
        from apps.core.sandbox.runner import eventloop

        eventloop.install()
    builtins.open = io.open = files.open_file
    # the real ones would read and write the descriptors, one of which is the job's data
    sys.stdin = sys.__stdin__ = io.StringIO()  # type: ignore[misc, assignment]  # nothing to read
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = frames.streams  # type: ignore[assignment, misc]
    loader.seal(archive)
    _forget_paths()


def _import(names: str) -> None:
    for name in names.split():
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # not part of this build or version of Python


def _import_below(package: str) -> None:
    import pkgutil

    parent = importlib.import_module(package)
    for found in pkgutil.walk_packages(parent.__path__, f"{package}."):
        if not found.name.endswith(("__main__", ".test", ".tests", "windows_events", "windows_utils")):
            _import(found.name)


def _import_packages(packages: list[str], paths: list[str]) -> list[str]:
    """Import the administrator's packages with all that using them would import later; return what failed."""
    missing = []
    loader.look_in(paths)
    for name in packages:
        try:
            importlib.import_module(name)
            warm_up = WARM_UPS.get(name)
            if warm_up is not None:
                exec(compile(warm_up, "<warm-up>", "exec"), {})  # noqa: S102 - our own text, below
        except Exception as error:  # noqa: BLE001 - a package can fail in any way when it is imported
            missing.append(f"{name}: {type(error).__name__}: {error}"[:200])
    return missing


# packages that import parts of themselves only when they are used
WARM_UPS = {
    "numpy": "import numpy.random, numpy.linalg, numpy.fft, numpy.polynomial\n"
    "str(numpy.linalg.inv(numpy.eye(3)) @ numpy.random.default_rng(1).normal(size=(3, 3)))\n",
    "pandas": "import io, pandas as pd\n"
    "frame = pd.DataFrame({'a': [1, 2, 2], 'b': ['x', 'y', 'y'], 'c': pd.to_datetime(['2024-01-01'] * 3)})\n"
    "str(frame), frame.describe(), frame.groupby('b').agg({'a': ['sum', 'mean']}), frame.merge(frame, on='a')\n"
    "pd.read_csv(io.StringIO(frame.to_csv())), frame.to_json(orient='records'), frame.to_html(), frame.T\n"
    "frame.pivot_table(index='b', values='a'), frame.to_dict('records'), frame.a.rolling(2).mean(), frame.style\n",
    "jinja2": "import jinja2.sandbox\n"
    "jinja2.sandbox.SandboxedEnvironment().from_string('{{ a|upper }}').render(a='x')\n",
    "yaml": "import yaml\nyaml.safe_load(yaml.safe_dump({'a': [1, 2.5, None, 'x']}))\n",
}


def _zones(directories: list[str]) -> dict[str, bytes]:
    """The time zone data of this machine, to be kept in the archive."""
    found: dict[str, bytes] = {}
    for base in (*ZONES, *directories):
        for directory, folders, names in os.walk(base):
            folders[:] = [name for name in folders if name not in {"posix", "right", "__pycache__"}]
            for name in names:
                path = f"{directory}/{name}"
                with open(path, "rb") as file:
                    content = file.read()
                if content.startswith(ZONE_MAGIC):
                    found[ZONE_PREFIX + path[len(base) + 1 :]] = content
        if found:
            break
    return found


def _serve_zones(archive: loader.Archive) -> None:
    """Let zoneinfo read from the archive; it is imported on demand, and then finds this in place."""

    def load_tzdata(key: str) -> io.BytesIO:
        try:
            return io.BytesIO(archive.read(ZONE_PREFIX + key))
        except KeyError:
            import zoneinfo

            raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}") from None

    def available_timezones() -> set[str]:
        return {name[len(ZONE_PREFIX) :] for name in archive.names() if name.startswith(ZONE_PREFIX)}

    loader.after_import["zoneinfo._common"] = lambda module: setattr(module, "load_tzdata", load_tzdata)
    loader.after_import["zoneinfo"] = lambda module: setattr(
        module, "available_timezones", available_timezones
    )
    for name, hook in loader.after_import.items():
        if name in sys.modules:
            hook(sys.modules[name])


def _forget_machine() -> None:
    """Nothing about this machine: no paths, no environment, no kernel version."""
    for name, value in NEUTRAL.items():
        setattr(sys, name, value)
    os.environ.clear()  # noqa: TID251 - emptied, not read
    platform = sys.modules.get("platform")
    if platform is not None:
        release = ("Linux", "sandbox", "", "", os.uname().machine)
        platform._uname_cache = platform.uname_result(*release)  # type: ignore[attr-defined]  # its own cache
    zoneinfo = sys.modules.get("zoneinfo")
    if zoneinfo is not None:
        zoneinfo.reset_tzpath(to=())


def _forget_paths() -> None:
    for module in list(sys.modules.values()):
        for attribute in ("__file__", "__cached__"):
            if isinstance(getattr(module, attribute, None), str):
                setattr(module, attribute, loader.neutral(getattr(module, attribute)))
        if hasattr(module, "__path__"):
            module.__path__ = [loader.neutral(path) for path in module.__path__]
        spec = getattr(module, "__spec__", None)
        if spec is not None:
            _forget_paths_of(spec)
    for name in [name for name in sys.modules if name.partition(".")[0] == "apps"]:
        del sys.modules[name]  # ours: no business of the code


def _forget_paths_of(spec: loader.Spec) -> None:
    if spec.origin:
        spec.origin = loader.neutral(spec.origin)
        spec.cached = None
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations = [loader.neutral(path) for path in spec.submodule_search_locations]
    path = getattr(spec.loader, "path", None)
    if isinstance(path, str):
        setattr(spec.loader, "path", loader.neutral(path))  # noqa: B010 - not every loader declares it
