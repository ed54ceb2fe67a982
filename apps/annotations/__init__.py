"""Annotation queues, corrections, datasets and exports of training files."""
