"""all-MiniLM-L6-v2 through onnxruntime: English sentence embeddings without torch."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.providers.local import weights

DIMENSIONS = 384
MAX_TOKENS = 256
BATCH = 8  # bigger batches were slower on two cores: more padding, less cache
THREADS = 2

_lock = threading.Lock()
_loaded: dict[Path, MiniLMEmbedder] = {}
_abandoned: list[dict[Path, MiniLMEmbedder]] = []


class MiniLMEmbedder:
    """A loaded model. `embed` may be called from several threads at once."""

    def __init__(self, model: Path, tokenizer: Path, *, threads: int = THREADS) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """(unit vectors of 384 numbers in the texts' order, tokens read); texts are cut at 256 tokens."""
        import numpy as np

        # One by one: encode_batch starts a thread pool that does not survive a fork of the worker.
        rows = [self._tokenizer.encode(text).ids for text in texts]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        vectors = np.empty((len(rows), DIMENSIONS), np.float32)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._run([rows[index] for index in batch])
        return vectors.tolist(), sum(map(len, rows))

    def _run(self, rows: list[list[int]]) -> Any:
        import numpy as np

        length = max(map(len, rows))
        ids = np.zeros((len(rows), length), np.int64)
        mask = np.zeros((len(rows), length), np.float32)
        for position, row in enumerate(rows):
            ids[position, : len(row)] = row
            mask[position, : len(row)] = 1
        return self._session.run(["embedding"], {"ids": ids, "mask": mask})[0]


def load_embedder(cache: Path) -> MiniLMEmbedder:
    """The model of this process, loaded at the first call (about a second; five when it is exported first).

    `cache` is a folder that keeps the exported graph (90 MB). Raises `weights.LocalModelMissing`.
    """
    with _lock:
        if cache not in _loaded:
            folder = weights.model_folder()
            _loaded[cache] = MiniLMEmbedder(_exported(folder, cache), folder / "tokenizer.json")
        return _loaded[cache]


def _exported(folder: Path, cache: Path) -> Path:
    """The graph's file, named after the weights it was made from: they are checked once, when it is made."""
    path = cache / f"all-MiniLM-L6-v2-{weights.SHA256[:16]}.onnx"
    if not path.is_file():
        from safetensors.numpy import load_file

        from apps.providers.local import graph

        source = folder / "model.safetensors"
        weights.check(source)
        _write_whole(path, graph.build(load_file(source)))
    return path


def _write_whole(path: Path, data: bytes) -> None:
    """Other processes see the whole file or none, also when two write it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)


def _forget_after_fork() -> None:
    # onnxruntime's threads are not there in a forked child: it has to load a model of its own.
    global _lock  # noqa: PLW0603 - the parent may hold it at the moment of the fork
    _lock = threading.Lock()
    # kept alive, not dropped: its destructor would wait for those threads for ever
    _abandoned.append(dict(_loaded))
    _loaded.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
