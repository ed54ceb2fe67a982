"""Fixtures of the knowledge tests."""

from tests.fakes.model_server import _model_server_thread, model_server

__all__ = ["_model_server_thread", "model_server"]
