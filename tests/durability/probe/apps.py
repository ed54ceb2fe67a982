"""Registration of the probe."""

from django.apps import AppConfig


class ProbeConfig(AppConfig):
    """Adds one job to the product under test."""

    name = "tests.durability.probe"
    label = "probe"

    def ready(self) -> None:
        """Register the job."""
        from tests.durability.probe import tasks  # noqa: F401
