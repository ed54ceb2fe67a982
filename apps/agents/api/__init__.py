"""REST API of agents."""
