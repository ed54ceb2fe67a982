"""Writes of agents and conversations."""
