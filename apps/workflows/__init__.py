"""Workflows: the durable engine, its nodes and the language they are written in."""
