"""The workflow engine: plain Python, no Django."""
