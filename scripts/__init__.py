"""Small tools for those who work on the repository."""
