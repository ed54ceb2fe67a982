"""Reaching anything outside by a socket."""

from __future__ import annotations

from tests.sandbox.attacks.model import FORBIDDEN, OK, Attack, python

ATTACKS: list[Attack] = [
    python(
        "connect to the canary",
        "import socket\nreturn attempt(socket.create_connection, ('127.0.0.1', k['canary_port']), 1)",
    ),
    python(
        "send a datagram",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nreturn s.sendto(b'x', ('127.0.0.1', k['canary_port']))",
    ),
    python(
        "every socket family",
        "return [f for f in range(0, 46) for t in (1, 2, 3, 5) if performed(sc('socket', f, t, 0))]",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python("socket pair", "import socket\nreturn attempt(socket.socketpair)"),
    python(
        "abstract unix socket",
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0fw-canary')\nreturn True",
    ),
    python(
        "the supervisor's own socket",
        """
        import socket
        found = []
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
            s = attempt(socket.socket, socket.AF_UNIX, kind)
            if s and attempt(s.connect, k['supervisor']):
                found.append(str(kind))
        return found
        """,
    ),
    python(
        "http.client and urllib",
        """
        import http.client, urllib.request
        at = '127.0.0.1:%d' % k['canary_port']
        return attempt(http.client.HTTPConnection(at, timeout=1).request, 'GET', '/') or attempt(urllib.request.urlopen, 'http://' + at, None, 1)
        """,
    ),
    python(
        "urllib reads file URLs",
        "import urllib.request\nreturn attempt(urllib.request.urlopen, 'file:///etc/passwd')",
    ),
    python(
        "asyncio connects and serves",
        """
        import asyncio
        async def go():
            try:
                await asyncio.wait_for(asyncio.open_connection('127.0.0.1', k['canary_port']), 1)
                return True
            except BaseException:
                pass
            try:
                server = await asyncio.start_server(lambda r, w: None, '127.0.0.1', 0)
                return [str(s) for s in server.sockets]
            except BaseException:
                return None
        return asyncio.run(go())
        """,
    ),
    python(
        "resolve a name",
        "import socket\nreturn attempt(socket.getaddrinfo, 'localhost', 80) or attempt(socket.gethostbyname, 'localhost')",
    ),
    python(
        "connect the descriptors that are there",
        """
        import struct
        address = struct.pack('<HH4s8x', 2, int.from_bytes(k['canary_port'].to_bytes(2, 'big'), 'little'), bytes([127, 0, 0, 1]))
        return [fd for fd in range(0, 8) if performed(sc('connect', fd, address, 16)) or performed(sc('sendto', fd, b'x', 1, 0, address, 16))]
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "pass descriptors over what is there",
        """
        b = ctypes.create_string_buffer(256) if ctypes else None
        return [fd for fd in range(0, 8) if performed(sc('recvmsg', fd, b, 0)) or performed(sc('sendmsg', fd, b, 0)) or performed(sc('recvfrom', fd, b, 10, 0, 0, 0))]
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "interfaces and the host's name",
        "import socket\nreturn attempt(socket.if_nameindex) or ([attempt(socket.gethostname)] if attempt(socket.gethostname) == k['host_name'] else None)",
    ),
    python(
        "bind and listen",
        "import socket\ns = socket.socket()\ns.bind(('0.0.0.0', 0))\ns.listen()\nreturn True",
    ),
    python(
        "a broker that was not granted",
        "return attempt(http_request, 'GET', 'http://127.0.0.1:%d/' % k['canary_port']) if 'http_request' in globals() else None",
    ),
]
