"""A job that can be watched from outside while it works."""
