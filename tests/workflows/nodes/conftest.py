"""Fixtures of the tests of node types."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.workflows.nodes.harness import Bench, MemoryFiles


@pytest.fixture
def bench() -> Callable[[str], Bench]:
    """Return `bench(type)`: a bench for a node type."""
    return Bench


@pytest.fixture
def files() -> MemoryFiles:
    """Files in memory."""
    return MemoryFiles()
