"""A local HTTP server that remembers each effect, with the idempotency key it came with."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Any

from aiohttp import web


class EffectServer:
    """`POST /effect?delay=<seconds>` records the JSON body at once, and answers after the delay."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self._at: list[float] = []
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._arrived = asyncio.Event()

    async def start(self) -> None:
        """Listen on a free port of this machine."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._take)
        self._runner = web.AppRunner(app, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        data = json.loads(body) if body else {}
        self.calls.append((request.path, request.headers.get("Idempotency-Key", ""), data))
        self._at.append(time.time())
        self._arrived.set()
        await asyncio.sleep(float(request.query.get("delay", 0)))
        return web.json_response({"ok": True}, status=int(request.query.get("status", 200)))

    def times(self) -> list[tuple[float, str, dict[str, Any]]]:
        """When each call came (seconds since 1970), its key and its body."""
        return [(at, key, data) for at, (_path, key, data) in zip(self._at, self.calls, strict=True)]

    async def wait_for(self, count: int, *, seconds: float = 15) -> None:
        """Return when so many calls have come."""
        async with asyncio.timeout(seconds):
            while len(self.calls) < count:
                self._arrived.clear()
                await self._arrived.wait()

    def nodes(self) -> set[str]:
        """The nodes whose effect is there."""
        return {data["node"] for _path, _key, data in self.calls}

    def doubled(self) -> set[str]:
        """Those whose effect is there more than once."""
        counted = Counter(data["node"] for _path, _key, data in self.calls)
        return {name for name, count in counted.items() if count > 1}

    def keys_of(self, name: str) -> int:
        """How many idempotency keys a node's calls had."""
        return len({key for _path, key, data in self.calls if data["node"] == name})
