"""Writes: each function checks, writes, audits, and publishes on commit."""
