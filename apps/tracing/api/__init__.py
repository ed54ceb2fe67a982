"""REST API of tracing."""
