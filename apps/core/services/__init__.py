"""Writes of the platform."""
