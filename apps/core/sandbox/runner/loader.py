"""Importing without a file system, and without telling code where the files were.

Before the lock, modules come from disk, with neutral file names in their code. After it, pure modules of the standard
library come from an archive: a read-only mapping made once, which costs a fork nothing.
"""

from __future__ import annotations

import _imp
import importlib.machinery
import marshal
import mmap
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, ModuleType

Spec = importlib.machinery.ModuleSpec
PathFinder = importlib.machinery.PathFinder
SourceLoader = importlib.machinery.SourceFileLoader
INDEX_HEADER = 16

_rename: Callable[[CodeType, str], None] = getattr(_imp, "_fix_co_filename")  # noqa: B009 - typeshed has it not
_roots: list[str] = []
after_import: dict[str, Callable[[ModuleType], None]] = {}  # what to do with a module from the archive


def neutral(path: str) -> str:
    """A name for `path` that starts at the library instead of the machine's root."""
    known = [root for root in _roots if path.startswith(f"{root}/")]
    if known:
        return f"<python>{path[max(map(len, known)) :]}"
    return f"<python>/{path.rsplit('/', 1)[-1]}"


class NeutralLoader(SourceLoader):
    """Loads a source file; its code carries a neutral name."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of a module."""
        code = super().get_code(fullname)
        if code is not None:
            _rename(code, neutral(self.path))
        return code


class NeutralFinder:
    """What the path finder finds, loaded by `NeutralLoader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Spec | None:
        """Find a module on disk."""
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceLoader:
            spec.loader = NeutralLoader(fullname, spec.loader.path)
        return spec


class ArchiveFinder:
    """Finds modules in the archive; what is in it nowhere is answered with a sentence."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def create_module(self, spec: Spec) -> None:
        """The usual kind of module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Spec | None:
        """Find a module in memory."""
        found = self._archive.find(fullname)
        if found is None:
            raise ModuleNotFoundError(
                f"The module {fullname!r} is not available in the sandbox.", name=fullname
            )
        spec = Spec(fullname, self, origin=f"<python>/{fullname}", is_package=found[2])  # type: ignore[arg-type]  # a loader by its methods
        if found[2]:
            spec.submodule_search_locations = [f"<python>/{fullname}"]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of a module."""
        exec(self._archive.code(module.__name__), module.__dict__)  # noqa: S102 - the standard library's own code
        hook = after_import.get(module.__name__)
        if hook is not None:
            hook(module)


class Archive:
    """Code by module name, and other bytes by name, in one read-only mapping."""

    def __init__(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        # private and never written: a fork copies no page table for it, and no child can change it for another
        self._map = mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        self._index: dict[str, tuple[int, int, bool]] | None = None

    def find(self, name: str) -> tuple[int, int, bool] | None:
        """Offset, size and whether it is a package; the index is read when it is first needed, after a fork."""
        return self._names().get(name)

    def names(self) -> list[str]:
        """Everything in it."""
        return list(self._names())

    def _names(self) -> dict[str, tuple[int, int, bool]]:
        if self._index is None:
            start = int.from_bytes(self._map[:INDEX_HEADER], "little")
            self._index = marshal.loads(self._map[start:])  # noqa: S302 - written by this process's own child
        return self._index

    def read(self, name: str) -> bytes:
        """The bytes kept under `name`.

        Raises:
            KeyError: there are none.
        """
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return self._map[found[0] : found[0] + found[1]]

    def code(self, name: str) -> CodeType:
        """The code of a module, with a neutral file name."""
        code: CodeType = marshal.loads(self.read(name))  # noqa: S302 - as above
        _rename(code, f"<python>/{name.replace('.', '/')}.py")
        return code


def install(root: str) -> None:
    """Import from disk with neutral names, until `seal`."""
    _roots[:] = [root, *(path for path in sys.path if path != root)]
    sys.meta_path.insert(2, NeutralFinder())


def look_in(directories: Sequence[str]) -> None:
    """Import from `directories` as well, until `seal`."""
    _roots.extend(directories)
    sys.path.extend(directories)


def seal(archive: Archive) -> None:
    """From now on nothing comes from disk."""
    sys.path[:] = []
    sys.path_hooks[:] = []
    sys.path_importer_cache.clear()
    sys.meta_path[:] = [*sys.meta_path[:2], ArchiveFinder(archive)]


def build_archive(extra: dict[str, bytes]) -> Archive:
    """Collect the standard library in a child, so that its garbage does not stay in this process.

    Raises:
        RuntimeError: the child failed.
    """
    descriptor = os.memfd_create("library")
    child = os.fork()
    if child == 0:
        try:
            _write_archive(descriptor, extra)
        except BaseException:  # noqa: BLE001 - whatever it is, this is a child that must end here
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError("the archive of the standard library could not be written")
    archive = Archive(descriptor)
    os.close(descriptor)
    return archive


def _write_archive(descriptor: int, extra: dict[str, bytes]) -> None:
    index: dict[str, tuple[int, int, bool]] = {}
    position = INDEX_HEADER
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(bytes(INDEX_HEADER))
        for name, package, content in [*_library(), *((key, False, value) for key, value in extra.items())]:
            index[name] = (position, len(content), package)
            file.write(content)
            position += len(content)
        file.write(marshal.dumps(index))
        file.seek(0)
        file.write(position.to_bytes(INDEX_HEADER, "little"))


def _library() -> Iterator[tuple[str, bool, bytes]]:
    """Name, whether a package, and marshalled code of every pure module worth having."""
    from apps.core.sandbox.modules import EXCLUDED

    base = os.__file__.rsplit("/", 1)[0]
    pending = [(base, "")]
    while pending:
        directory, prefix = pending.pop()
        for entry in os.scandir(directory):
            stem = entry.name.removesuffix(".py")
            if prefix + stem in EXCLUDED or stem in {
                "tests",
                "test",
                "__pycache__",
                "site-packages",
                "__main__",
            }:
                continue
            if entry.is_dir():
                initial = f"{entry.path}/__init__.py"
                if os.path.exists(initial):
                    yield prefix + stem, True, _marshalled(prefix + stem, initial)
                    pending.append((entry.path, f"{prefix}{stem}."))
            elif entry.name.endswith(".py") and stem != "__init__":
                yield prefix + stem, False, _marshalled(prefix + stem, entry.path)


def _marshalled(name: str, path: str) -> bytes:
    return marshal.dumps(SourceLoader(name, path).get_code(name))
