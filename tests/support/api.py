"""A small client of a running product, for tests from outside its processes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.support.product import Product

CREATE_KEY = """
from apps.core.actors import Actor
from apps.core.models import User, Workspace
from apps.core.services.api_key import create_api_key
_key, presented = create_api_key(
    actor=Actor.system("test"), workspace=Workspace.objects.first(), name="test",
    scopes=["read", "write", "chat"], user=User.objects.first(),
)
print(presented)
"""


@dataclass
class Api:
    """Calls of the product's API with a key of the administrator."""

    base_url: str
    key: str

    @classmethod
    def of(cls, product: Product) -> Api:
        """Make a key and connect."""
        return cls(product.base_url, product.run(CREATE_KEY))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON answer; raises AssertionError with the problem document."""
        data = None if body is None else json.dumps(body).encode()
        with self._open(method, path, data, "application/json") as response:
            return json.load(response)

    def download(self, path: str) -> bytes:
        """Return the file at a path; raises AssertionError with the problem document."""
        with self._open("GET", path, None, "application/json") as response:
            return bytes(response.read())

    def upload(self, path: str, name: str, content: bytes, **fields: str) -> Any:
        """Send a file as a multipart form."""
        boundary = uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = b"".join([*parts, head.encode(), content, f"\r\n--{boundary}--\r\n".encode()])
        with self._open("POST", path, body, f"multipart/form-data; boundary={boundary}") as response:
            return json.load(response)

    def events(self, method: str, path: str, body: Any = None) -> Iterator[tuple[int, str, Any]]:
        """Yield (id, type, data) of a server-sent event stream as they arrive."""
        data = None if body is None else json.dumps(body).encode()
        response = self._open(method, path, data, "application/json")
        event: dict[str, str] = {}
        with response:
            for raw in response:
                line = raw.decode().rstrip("\r\n")
                if line.startswith(":"):
                    continue
                if line:
                    name, _, value = line.partition(":")
                    event[name] = value.removeprefix(" ")
                elif event.get("data"):
                    yield int(event.get("id") or 0), event.get("event", ""), json.loads(event["data"])
                    event = {}

    def _open(self, method: str, path: str, data: bytes | None, kind: str) -> Any:
        request = urllib.request.Request(  # noqa: S310  # our own address
            self.base_url + path,
            data=data,
            method=method,
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": kind, "Accept": "*/*"},
        )
        try:
            return urllib.request.urlopen(request, timeout=60)  # noqa: S310  # our own address
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:1000]!r}") from None
