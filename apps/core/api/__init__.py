"""Conventions of the REST API."""
