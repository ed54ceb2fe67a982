"""Objects for tests, one module per app; everything is made by the real services."""
