"""The code sandbox: client, service, pages, and what hostile programs get from it."""
