"""A sandbox on another host, over mutual TLS."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured

from apps.core.postgres import ports
from apps.core.sandbox import protocol
from apps.core.sandbox.client import RemoteTransport, execute
from apps.core.sandbox.errors import CodeFailed, OutputLimitExceeded, SandboxUnavailable, WallLimitExceeded
from apps.core.sandbox.jobs import CodeJob, Limits
from tests.sandbox.attacks.harness import Ground


class Authority:
    """A private authority and the certificates it gives."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.ca = self._write("ca.pem", self._certificate(self._name, self._key.public_key(), authority=True))

    def _certificate(self, name: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def give(self, name: str) -> tuple[str, str]:
        """Paths of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        certificate = self._certificate(subject, key.public_key(), authority=False)
        return self._write(f"{name}.pem", certificate), self._write(f"{name}.key", secret)

    def _write(self, name: str, content: bytes) -> str:
        path = self.directory / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def address(authority):
    """A sandbox that listens; returns its address."""
    port = ports.choose_port()
    certificate, key = authority.give("server")
    ground = Ground(listen=f"127.0.0.1:{port}", ca=authority.ca, certificate=certificate, key=key)
    ground.wait()

    async def answers() -> None:
        for _ in range(200):
            try:
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    asyncio.run(answers())
    yield f"tls://127.0.0.1:{port}"
    ground.close()


@pytest.fixture
def transport(address, authority):
    certificate, key = authority.give("client")
    return RemoteTransport(address, ca=authority.ca, certificate=certificate, key=key)


def run(transport, code: str, language="python", inputs=None, **limits):
    async def refuse(request):
        raise AssertionError("not asked for")

    return execute(transport, CodeJob(language, code, inputs or {}, limits=Limits(**limits)), refuse)


async def test_jobs_follow_one_another_on_one_connection(transport):
    for number in range(3):
        result = await run(transport, "def main(n):\n    print(n)\n    return {'n': n}", inputs={"n": number})
        assert (result.value, result.stdout) == ({"n": number}, f"{number}\n")
        assert result.cpu_ms > 0
    assert len(transport._connections()) == 1
    assert (await run(transport, "function main({a}) { return {a} }", "javascript", {"a": "é"})).value == {
        "a": "é"
    }


async def test_large_jobs_fit(transport):
    text = "x" * 900_000
    result = await run(
        transport, "def main(t):\n    return {'t': t}", inputs={"t": text}, string_chars=10**6, result_kb=2000
    )
    assert result.value == {"t": text}


async def test_many_at_once(transport):
    code = "def main(n):\n    return {'n': n}"
    results = await asyncio.gather(*(run(transport, code, inputs={"n": n}) for n in range(8)))
    assert [result.value["n"] for result in results] == list(range(8))


async def test_errors_are_the_same_and_leave_the_next_job_alone(transport):
    with pytest.raises(CodeFailed):
        await run(transport, "def main():\n    raise ValueError('no')")
    with pytest.raises(OutputLimitExceeded):
        await run(transport, "def main():\n    while True: print('x' * 1000)")
    with pytest.raises(WallLimitExceeded):
        await run(transport, "import time\ndef main():\n    time.sleep(9)", wall_s=0.2)
    assert (await run(transport, "def main():\n    return {'a': 1}")).value == {"a": 1}


async def test_cancelling_closes_the_connection_and_ends_the_job(transport):
    task = asyncio.create_task(run(transport, "def main():\n    while True: pass"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transport._connections() == []
    state = await transport.state()
    assert {layer["name"] for layer in state["layers"]} >= {"seccomp"}


async def test_a_certificate_of_somebody_else_is_refused(address, authority, tmp_path):
    other = Authority(tmp_path)
    certificate, key = other.give("client")
    for ca in (authority.ca, other.ca):
        stranger = RemoteTransport(address, ca=ca, certificate=certificate, key=key)
        with pytest.raises(SandboxUnavailable):
            await stranger.state()
    context = ssl.create_default_context(cafile=authority.ca)
    host, port = address.removeprefix("tls://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    writer.write(protocol.frame(protocol.STATE, b""))
    try:
        answer = await reader.read(100)  # with TLS 1.3 a client hears of its refusal at its first read
    except (ssl.SSLError, ConnectionError):
        answer = b""
    assert answer == b""


async def test_nobody_there(authority):
    certificate, key = authority.give("lonely")
    transport = RemoteTransport(
        f"tls://127.0.0.1:{ports.choose_port()}", ca=authority.ca, certificate=certificate, key=key
    )
    with pytest.raises(SandboxUnavailable):
        await run(transport, "def main():\n    return {}")


@pytest.mark.parametrize("url", ["http://x:1", "tls://x", "tls://:1", "x:1", ""])
def test_the_address_must_be_one(url):
    with pytest.raises(ImproperlyConfigured):
        RemoteTransport(url, ca="a", certificate="b", key="c")


def test_certificates_must_be_there(tmp_path):
    for paths in (("", "", ""), (str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "c"))):
        with pytest.raises(ImproperlyConfigured):
            RemoteTransport("tls://x:1", ca=paths[0], certificate=paths[1], key=paths[2])
