"""The resident interpreter that forks one locked child per job. It runs no code of users and never reads a job.

Plain Python, executed with `-I -S` and an empty environment; imports nothing but the standard library and its
siblings.
"""
