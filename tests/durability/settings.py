"""The product's own settings, with a job to kill and leases that run out sooner."""

from config.settings import base
from config.settings.base import *  # noqa: F403  # settings are made to be extended

INSTALLED_APPS = [*base.INSTALLED_APPS, "tests.durability.probe"]
JOB_LEASE_S = 3.0
JOB_HEARTBEAT_S = 0.5
ANSWER_LEASE_S = 5.0  # as long as the database may be away
ANSWER_HEARTBEAT_S = 0.5
RUN_LEASE_S = 2.0
RUN_HEARTBEAT_S = 0.5
