#!/usr/bin/env python
"""Django's command line for Flywheel."""

import sys

from config.env import default_settings


def main() -> None:
    """Run the command given on the command line."""
    default_settings()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
