"""Console pages of tracing."""
