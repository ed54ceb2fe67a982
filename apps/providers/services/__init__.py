"""Writes of the providers app."""
