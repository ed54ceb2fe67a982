"""The terminal: every line says which process it comes from."""

import itertools
import json
import threading
from datetime import UTC, datetime
from typing import IO, TextIO

COLOURS = (36, 35, 33, 34, 32)  # cyan, magenta, yellow, blue, green
WIDTH = 9


class Console:
    """Writes whole lines of several processes to one stream."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._lock = threading.Lock()
        self._palette = itertools.cycle(COLOURS)
        self._prefixes: dict[str, str] = {}

    def line(self, name: str, text: str) -> None:
        """Write one line of process `name`."""
        with self._lock:
            self._stream.write(f"{self._render(name, text.rstrip())}\n")
            self._stream.flush()

    def follow(self, name: str, source: IO[str]) -> threading.Thread:
        """Write the lines of `source` as they come, until it ends."""
        thread = threading.Thread(target=self._pump, args=[name, source], name=f"log-{name}", daemon=True)
        thread.start()
        return thread

    def _pump(self, name: str, source: IO[str]) -> None:
        with source:
            for text in source:
                self.line(name, text)

    def _render(self, name: str, text: str) -> str:
        return f"{self._prefix(name)}{text}"

    def _prefix(self, name: str) -> str:
        if name not in self._prefixes:
            label = f"{name:>{WIDTH}} | "
            self._prefixes[name] = f"\x1b[{next(self._palette)}m{label}\x1b[0m" if self._colour else label
        return self._prefixes[name]


class JsonConsole(Console):
    """The same for programs that read logs: every line is a JSON object."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, colour=False)

    def line(self, name: str, text: str) -> None:
        """Write one line of process `name`; an empty one says nothing to a program."""
        if text.strip():
            super().line(name, text)

    def _render(self, name: str, text: str) -> str:
        """What a process logged is an object already; the rest (its last words, our own) becomes one."""
        if text.startswith("{") and text.endswith("}"):
            return text
        now = datetime.now(UTC).isoformat()
        return json.dumps(
            {"timestamp": now, "level": "INFO", "process": name, "message": text}, ensure_ascii=False
        )
