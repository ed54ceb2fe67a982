"""REST API of annotation queues, datasets and exports."""
