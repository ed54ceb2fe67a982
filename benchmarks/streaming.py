"""Token streaming: many chats at once, from the model's socket to the client's, beside a bare websocket
server.

Ours: the product's ASGI application under gunicorn with one worker on the embedded PostgreSQL; each client
opens the console's chat websocket and asks; the fake model server writes tokens that carry the time they
were sent at. A token therefore passes: model socket → gateway → agent → ledger (committed) → subscription →
websocket → client. Peer: a plain ASGI websocket under uvicorn that sends the same paced tokens from memory,
stores nothing, knows nobody.

    python benchmarks/streaming.py [--quick] [--clients 200] [--rate 25] [--tokens 250] [--rounds 2]

Both run in turn in each round, on the same machine, with the same client. The gap is the time between two
arrivals at a client; pacing alone makes it 40 ms at 25 tokens a second.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
#: Seconds in which all chats begin; then all of them stream at once.
RAMP_S = 5.0
TOKEN = re.compile(rb"t(\d+)@(\d+) ")

RAW_SERVER = """
import asyncio, os, time
N, RATE = int(os.environ["TOKENS"]), float(os.environ["RATE"])
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": '{"type":"ready"}'})
    await receive()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for i in range(N):
        await asyncio.sleep(max(0, began + (i + 1) / RATE - loop.time()))
        message = '{"seq":%d,"type":"text.delta","data":{"text":"t%d@%d "}}' % (i, i, time.monotonic_ns())
        await send({"type": "websocket.send", "text": message})
    await send({"type": "websocket.send", "text": '{"type":"run.completed"}'})
    await receive()
"""


class Client(asyncio.Protocol):
    """A websocket client that only looks for tokens: it must cost little beside what it measures."""

    def __init__(self, host: str, path: str, cookie: str) -> None:
        self.request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\r\n"
        ).encode()
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self.buffer = b""
        self.upgraded = False
        self.sent: list[int] = []
        self.arrived: list[int] = []
        self.messages_at: list[int] = []
        self.numbers: list[int] = []
        self.error = ""

    def connection_made(self, transport: Any) -> None:
        """Ask for the upgrade."""
        self.transport = transport
        transport.write(self.request)

    def send(self, text: str) -> None:
        """Send one masked text frame."""
        data, mask = text.encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.transport.write(b"\x81" + size + mask + body)

    def data_received(self, data: bytes) -> None:
        """Cut frames and note when their tokens came."""
        now = time.monotonic_ns()
        self.buffer += data
        if not self.upgraded:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.finish(head[:80].decode())
                return
            self.upgraded, self.buffer = True, rest
        while (frame := self.next_frame()) is not None:
            self.take(frame, now)

    def next_frame(self) -> bytes | None:
        """The payload of the next complete frame; control frames end the connection here."""
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 127, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + size:
            return None
        self.buffer = buffer[start + size :]
        if buffer[0] & 15 == 8:
            self.finish("closed by the server")
            return None
        return buffer[start : start + size]

    def take(self, payload: bytes, now: int) -> None:
        """Note the tokens of one message."""
        if b'"text.delta"' in payload:
            tokens = TOKEN.findall(payload)
            self.messages_at.append(now)
            for number, sent in tokens:
                self.numbers.append(int(number))
                self.sent.append(int(sent))
                self.arrived.append(now)
        elif b'"ready"' in payload[:40]:
            self.ready.set_result(None)
        elif b'"run.completed"' in payload:
            self.finish()
        elif payload.startswith(b'{"type":"error"') or b'"run.failed"' in payload:
            self.finish(payload[:200].decode())

    def finish(self, error: str = "") -> None:
        """Settle both futures."""
        self.error = self.error or error
        for future in (self.ready, self.done):
            if not future.done():
                future.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """An early end is an error."""
        if not self.done.done():
            self.finish(f"connection lost: {error}")


@dataclass
class Result:
    """One contestant in one round; times in milliseconds."""

    name: str
    ways: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    errors: int = 0
    tokens: int = 0
    cpu_us: float = 0.0
    wall: float = 0.0


def percentile(values: list[float], p: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def process(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is gone afterwards."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **env},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


async def wait_for_port(port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    """Return when somebody listens; raises with the log when the child died."""
    for _ in range(600):
        if child.poll() is not None:
            raise RuntimeError(log.read_text()[-2000:])  # noqa: ASYNC240 - nothing else runs
        with contextlib.suppress(OSError):
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("nobody listens")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children."""
    root = psutil.Process(pid)
    times = [p.cpu_times() for p in [root, *root.children(recursive=True)]]
    return sum(t.user + t.system for t in times)


async def drive(name: str, port: int, doors: list[tuple[str, str]], pid: int, tokens: int) -> Result:
    """Open all websockets, ask on all of them within RAMP_S, and collect every token."""
    loop, host = asyncio.get_running_loop(), f"127.0.0.1:{port}"
    clients: list[Client] = []
    for path, cookie in doors:
        _transport, client = await loop.create_connection(
            lambda path=path, cookie=cookie: Client(host, path, cookie), "127.0.0.1", port
        )
        await client.ready
        clients.append(client)
    before, began = cpu_seconds(pid), time.monotonic()
    for client in clients:
        client.send(json.dumps({"type": "ask", "text": "go"}))
        await asyncio.sleep(RAMP_S / len(clients))
    await asyncio.wait([client.done for client in clients], timeout=300)
    result = Result(name, wall=time.monotonic() - began)
    for client in clients:
        right = client.numbers == list(range(tokens)) and not client.error
        result.errors += not right
        if not right:
            print(f"  {name}: {len(client.numbers)} of {tokens} tokens, {client.error}", file=sys.stderr)
        result.ways += [(b - a) / 1e6 for a, b in zip(client.sent, client.arrived, strict=True)]
        times = client.messages_at
        result.gaps += [(b - a) / 1e6 for a, b in pairwise(times)]
        result.tokens += len(client.numbers)
        client.transport.close()
    result.cpu_us = (cpu_seconds(pid) - before) / max(1, result.tokens) * 1e6
    return result


SEED = """
import json, sys
import django
django.setup()
from django.test import Client
from apps.core.access import Role
from tests.factories.agents import make_agent, make_conversation
from tests.factories.core import make_member, make_workspace
workspace = make_workspace()
user = make_member(workspace, Role.EDITOR)
agent = make_agent(workspace, sys.argv[1], sys.argv[2])
client = Client()
client.force_login(user)
cookie = "sessionid=" + client.cookies["sessionid"].value
doors = [(f"/ws/chat/{make_conversation(agent, user).pk}/", cookie) for _ in range(int(sys.argv[3]))]
print("DOORS " + json.dumps(doors))
"""


class Ours:
    """The product with its database in a directory of its own."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.log = log
        self.env = {
            "FLYWHEEL_VAR_DIR": str(directory),
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "LOAD_STARTER_WORKSPACE": "0",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": "",
        }

    def manage(self, *arguments: str) -> str:
        """Run Python in the product's environment."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **self.env, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout

    def doors(self, model_url: str, model: str, clients: int) -> list[tuple[str, str]]:
        """One conversation for each client."""
        out = self.manage("-c", SEED, model_url, model, str(clients))
        line = next(line for line in out.splitlines() if line.startswith("DOORS "))
        return [(path, cookie) for path, cookie in json.loads(line.removeprefix("DOORS "))]

    def command(self, port: int) -> list[str]:
        """The web server as `make up` starts it."""
        gunicorn = [sys.executable, "-m", "gunicorn", "config.asgi:application", "-k", "asgi", "-w", "1"]
        return [*gunicorn, "--bind", f"127.0.0.1:{port}", "--no-control-socket", "--graceful-timeout", "1"]


async def run(args: argparse.Namespace, directory: Path) -> list[Result]:
    """All rounds."""
    from apps.core.postgres import EmbeddedPostgres

    log = directory / "bench.log"
    log.touch()
    raw_file = directory / "raw_server.py"
    raw_file.write_text(RAW_SERVER)
    postgres = EmbeddedPostgres(directory / "var" / "postgres")
    ours = Ours(directory / "var", log)
    ours.env["DATABASE_URL"] = postgres.start()
    try:
        ours.manage("manage.py", "migrate", "--verbosity", "0")
        return await rounds(args, ours, directory, log)
    finally:
        postgres.stop()


async def rounds(args: argparse.Namespace, ours: Ours, directory: Path, log: Path) -> list[Result]:
    """Peer and product in turn."""
    results: list[Result] = []
    model_port, web_port, raw_port = free_port(), free_port(), free_port()
    model_command = [sys.executable, "-m", "tests.fakes.model_server", "--port", str(model_port)]
    raw_command = [sys.executable, "-m", "uvicorn", "raw_server:app", "--app-dir", str(directory)]
    raw_command += ["--port", str(raw_port), "--log-level", "error", "--no-access-log", "--loop", "uvloop"]
    raw_env = {"TOKENS": str(args.tokens), "RATE": str(args.rate)}
    with (
        process(model_command, {}, log) as model,
        process(ours.command(web_port), ours.env, log) as web,
        process(raw_command, raw_env, log) as raw,
    ):
        for port, child in ((model_port, model), (web_port, web), (raw_port, raw)):
            await wait_for_port(port, child, log)
        url, name = f"http://127.0.0.1:{model_port}/v1", f"paced-{args.tokens}-{args.rate}"
        for _ in range(args.rounds):
            doors = [("/", "")] * args.clients
            results.append(await drive("raw websocket", raw_port, doors, raw.pid, args.tokens))
            doors = ours.doors(url, name, args.clients)
            results.append(await drive("flywheel", web_port, doors, web.pid, args.tokens))
            for result in results[-2:]:
                print_row(result)
    return results


def print_row(result: Result) -> None:
    """One line of the table."""
    print(
        f"{result.name:<15}{result.tokens:>9}{result.errors:>8}"
        f"{percentile(result.ways, 50):>10.1f}{percentile(result.ways, 99):>10.1f}"
        f"{percentile(result.gaps, 50):>10.1f}{percentile(result.gaps, 99):>10.1f}{result.cpu_us:>12.0f}",
        flush=True,
    )


def main() -> int:
    """Print the table and the result line; 1 when a token was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=int, default=25, help="tokens a second per chat")
    parser.add_argument("--tokens", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--keep", action="store_true", help="keep the working directory and its log")
    args = parser.parse_args()
    if args.quick:
        args.tokens, args.rounds = 200, 1
    sys.path.insert(0, str(ROOT))
    directory = Path(tempfile.mkdtemp(prefix=f"streaming-{secrets.token_hex(3)}-"))
    directory.chmod(0o755)  # an embedded PostgreSQL started by root runs as another user
    print(f"{args.clients} chats, {args.rate} tokens/s each; milliseconds")
    print(
        f"{'':<15}{'tokens':>9}{'errors':>8}{'way p50':>10}{'way p99':>10}{'gap p50':>10}{'gap p99':>10}"
        f"{'CPU us/token':>14}"
    )
    try:
        results = asyncio.run(run(args, directory))
    finally:
        if not args.keep:
            shutil.rmtree(directory, ignore_errors=True)
    ours = [r for r in results if r.name == "flywheel"]
    raw = [r for r in results if r.name != "flywheel"]
    ratio = statistics.median(percentile(r.gaps, 99) for r in raw) / statistics.median(
        percentile(r.gaps, 99) for r in ours
    )
    print(f"RESULT vs_raw_websocket={ratio:.2f}")
    return 1 if any(r.errors for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
