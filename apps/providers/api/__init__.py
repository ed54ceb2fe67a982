"""REST API of providers and models."""
