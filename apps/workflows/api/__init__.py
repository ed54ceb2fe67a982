"""The API of the workflows app."""
