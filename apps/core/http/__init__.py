"""The one way out: an HTTP client that checks every address at the moment it connects."""

from apps.core.http.addresses import BlockedAddress, check_address
from apps.core.http.client import ResponseTooLarge, client_session, open_connector, read_limited

__all__ = [
    "BlockedAddress",
    "ResponseTooLarge",
    "check_address",
    "client_session",
    "open_connector",
    "read_limited",
]
