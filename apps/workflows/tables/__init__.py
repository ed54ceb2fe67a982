"""Data tables below the services: column types, conditions, rows, and SQL under a role that sees nothing else."""
