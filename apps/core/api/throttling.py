"""Limits per key."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from apps.core.models import ApiKey


class ApiKeyThrottle(SimpleRateThrottle):
    """`rate_limit_per_minute` of the key; keys without one are not limited."""

    scope = "api_key"
    rate = "1/min"  # replaced per key below

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request against its key."""
        key = request.auth
        if not isinstance(key, ApiKey) or not key.rate_limit_per_minute:
            return True
        self.num_requests, self.duration = key.rate_limit_per_minute, 60
        return super().allow_request(request, view)

    def get_cache_key(self, request: Request, view: Any) -> str:
        """One counter per key."""
        return f"throttle-api-key-{request.auth.pk}"
