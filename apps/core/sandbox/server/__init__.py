"""The resident side outside of the jobs: starts, tests, watches and replaces zygotes. Plain Python, no Django."""
