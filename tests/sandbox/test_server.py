"""The sandbox over the network: mutual TLS, one job after the other, and nobody without a certificate."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.core.sandbox import errors, protocol
from apps.core.sandbox.client import RemoteTransport, execute
from apps.core.sandbox.jobs import CodeJob, Limits
from apps.core.sandbox.server import launch
from apps.core.sandbox.server.config import ServerConfig
from tests.sandbox.test_supervisor import Running
from tests.sandbox.test_zygote import descendants, eventually

SLEEP = CodeJob("python", "import time\ndef main():\n    time.sleep(20)")


class Authority:
    """A private certificate authority in a directory."""

    def __init__(self, directory, name="sandbox") -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.ca = self._write("ca.pem", self._sign(self.name, self.key.public_key(), ca=True))

    def issue(self, name: str) -> tuple[str, str]:
        """Paths of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._write(f"{name}.pem", self._sign(subject, key.public_key(), ca=False))
        path = self.directory / f"{name}.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, str(path)

    def _sign(self, subject, public, *, ca: bool):
        now = datetime.datetime.now(datetime.UTC)
        key_id = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def _write(self, name: str, certificate) -> str:
        path = self.directory / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A sandbox with a gateway, and `connect(certificate, key)`: its client."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    certificate, key = authority.issue("server")
    port = free_port()
    running = Running(listen=f"127.0.0.1:{port}", ca=authority.ca, certificate=certificate, key=key)

    def connect(certificate: str, key: str) -> RemoteTransport:
        return RemoteTransport(f"tls://localhost:{port}", ca=authority.ca, certificate=certificate, key=key)

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    assert eventually(running.ready)
    assert eventually(listening)
    running.port, running.authority, running.connect = port, authority, connect
    yield running
    running.close()


async def answer(request) -> bytes:
    return protocol.answer_frame(200, {}, request.url.encode())


def run(remote, *jobs):
    """Run jobs one after the other on one transport."""

    async def go():
        transport = remote.connect(*remote.authority.issue("client"))
        return [(await execute(transport, job, answer)).value for job in jobs]

    return asyncio.run(go())


def test_jobs_run_one_after_the_other_on_a_connection(remote):
    big = {"rows": ["x" * 100] * 5_000}
    jobs = [
        CodeJob("python", "def main(a):\n    return a", {"a": 1}),
        CodeJob("javascript", "function main({ rows }) { return rows.length }", big),
        CodeJob("python", "def main(rows):\n    return rows", big),
        CodeJob("python", "def main():\n    return http_request('GET', 'http://a/').text", network=("a",)),
    ]
    assert run(remote, *jobs) == [1, 5_000, big["rows"], "http://a/"]


def test_errors_and_limits_come_through(remote):
    with pytest.raises(errors.CodeFailed, match="ZeroDivisionError"):
        run(remote, CodeJob("python", "def main():\n    return 1 / 0"))
    with pytest.raises(errors.WallLimitExceeded):
        run(remote, CodeJob("python", SLEEP.code, limits=Limits(wall_s=0.2)))
    with pytest.raises(errors.OutputLimitExceeded):
        run(remote, CodeJob("python", "def main():\n    while True: print('x' * 9999)"))


def test_the_report_comes_through(remote):
    async def state():
        return await remote.connect(*remote.authority.issue("client")).state()

    assert asyncio.run(state())["refused"] == ""


def test_leaving_kills_the_job(remote):
    async def go():
        transport = remote.connect(*remote.authority.issue("client"))
        task = asyncio.create_task(execute(transport, SLEEP, answer))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(go())
    assert eventually(lambda: not any(one["running"] for one in remote.state()["zygotes"]))


def test_a_stranger_is_not_heard(remote, tmp_path):
    stranger = Authority(tmp_path / "other", "stranger").issue("client")
    with pytest.raises(errors.SandboxUnavailable):
        asyncio.run(remote.connect(*stranger).state())


def test_nobody_without_a_certificate_is_heard(remote):
    context = ssl.create_default_context(cafile=remote.authority.ca)

    async def go():
        reader, writer = await asyncio.open_connection("localhost", remote.port, ssl=context)
        writer.write(protocol.frame(protocol.STATE, b""))
        with pytest.raises((ssl.SSLError, asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)

    asyncio.run(go())


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff" * 40,
        protocol.frame(protocol.START, b"nonsense"),
        protocol.frame(protocol.START, protocol.start_message(Limits(), socket="../../etc/x")),
        protocol.HEADER.pack(protocol.DATA, 2**31),
    ],
)
def test_what_is_no_protocol_ends_the_connection_and_no_more(remote, sent):
    certificate, key = remote.authority.issue("client")
    context = ssl.create_default_context(cafile=remote.authority.ca)
    context.load_cert_chain(certificate, key)

    async def go():
        reader, writer = await asyncio.open_connection("localhost", remote.port, ssl=context)
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()

    asyncio.run(go())
    assert run(remote, CodeJob("python", "def main():\n    return 1")) == [1]


def test_a_killed_gateway_is_replaced(remote):
    gateway = next(pid for pid, words in _commands(remote.process.pid) if "gateway" in words)
    os.kill(gateway, signal.SIGKILL)

    def works() -> bool:
        try:
            return run(remote, CodeJob("python", "def main():\n    return 1")) == [1]
        except errors.SandboxUnavailable:
            return False

    assert eventually(works)


def _commands(pid: int):
    for child in descendants(pid):
        yield child, Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")


def test_the_configuration_survives_its_journey(tmp_path):
    config = ServerConfig(
        "d", "e", require=("userns",), packages=("numpy",), disabled=("chroot",), listen="x:1"
    )
    assert ServerConfig.decode(config.encode()) == config
    assert launch.engine_path().endswith(".so")
