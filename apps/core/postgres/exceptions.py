"""What can go wrong with the embedded PostgreSQL."""


class PostgresError(Exception):
    """The embedded PostgreSQL can't be used; the message is a sentence for the person at the terminal."""
