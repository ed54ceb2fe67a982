"""The workflow language `flywheel/v1`: plain Python, no Django."""
