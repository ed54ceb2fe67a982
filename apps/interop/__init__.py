"""Adapters that speak other products' APIs and file formats; no domain logic."""
