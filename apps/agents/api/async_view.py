"""DRF's checks in front of an async handler: an answer that takes a minute must not hold a thread for it."""

from __future__ import annotations

import inspect
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView


class AsyncAPIView(APIView):
    """An APIView whose handlers are coroutines. Authentication, permissions and throttles run in a thread."""

    async def dispatch(  # type: ignore[override]  # Django awaits the views it finds to be coroutines
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """As DRF's, with the handler awaited."""
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        wrapped: Request = self.initialize_request(request, *args, **kwargs)
        self.request = wrapped
        try:
            await sync_to_async(self.initial)(wrapped, *args, **kwargs)
            handler = getattr(self, (request.method or "").lower(), None)
            if handler is None or request.method not in self.allowed_methods:
                self.http_method_not_allowed(wrapped, *args, **kwargs)
            response = handler(wrapped, *args, **kwargs)  # type: ignore[misc]  # checked above
            if inspect.isawaitable(response):
                response = await response
        except Exception as error:  # noqa: BLE001  # DRF decides which errors it knows and raises the others
            response = self.handle_exception(error)
        self.response = self.finalize_response(wrapped, response, *args, **kwargs)
        return self.response
