"""Reading and writing the host's files."""

from __future__ import annotations

from tests.sandbox.attacks.model import FAILED, FORBIDDEN, OK, Attack, python

ATTACKS: list[Attack] = [
    python("open a file", "return open('/etc/passwd').read()", FAILED),
    python("open the canary", "return open(k['canary_file']).read()", FAILED),
    python("open for writing", "return attempt(open, k['canary_file'], 'w')", OK),
    python("os.open", "import os\nreturn attempt(os.open, '/etc/hostname', os.O_RDONLY)", OK),
    python("io.open_code", "import io\nreturn attempt(io.open_code, '/etc/passwd')", OK),
    python("_io.FileIO", "import _io\nreturn attempt(_io.FileIO, '/etc/passwd')", OK),
    python(
        "pathlib",
        "import pathlib\nreturn attempt(pathlib.Path(k['canary_file']).read_text) or attempt(list, pathlib.Path('/').iterdir())",
    ),
    python(
        "list directories",
        "import os\nreturn [p for p in ('/', '.', '/proc', '/etc', '/tmp', '/root') if attempt(os.listdir, p) or attempt(lambda: list(os.scandir(p)))]",
    ),
    python(
        "stat and readlink",
        """
        import os
        return [p for p in ('/', '/etc/passwd', '/proc/self/exe', '/usr') if attempt(os.stat, p) or attempt(os.lstat, p) or attempt(os.readlink, p) or attempt(os.access, p, 0)]
        """,
    ),
    python(
        "proc environ, maps, cmdline",
        "return [p for p in ('environ', 'maps', 'cmdline', 'status', 'mountinfo', 'root', 'exe') if attempt(open, '/proc/self/' + p) or attempt(open, '/proc/1/' + p)]",
    ),
    python("write own memory through proc", "return attempt(open, '/proc/self/mem', 'r+b', 0)", OK),
    python(
        "close descriptors first, then open",
        """
        import os
        for fd in range(3):
            attempt(os.close, fd)
        return attempt(os.open, '/etc/passwd', 0) is not None or performed(sc('openat', -100, b'/etc/passwd', 0, 0))
        """,
    ),
    python(
        "raw open family",
        """
        import os
        found = []
        for name, args in (('open', (b'/etc/passwd', 0)), ('openat', (-100, b'/etc/passwd', 0, 0)), ('openat', (-100, b'/', 0o10000000, 0)),
                           ('openat', (-100, b'/tmp', 0o20200002, 0o600)), ('creat', (b'/tmp/x', 0o600)), ('openat2', (-100, b'/etc/passwd', b'\\0' * 24, 24))):
            result = sc(name, *args)
            if performed(result):
                found.append([name, result])
        return found
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "relative to inherited descriptors",
        "return [fd for fd in range(0, 64) if performed(sc('openat', fd, b'.', 0, 0)) or performed(sc('openat', fd, b'', 0, 0))]",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "open by handle",
        "b = ctypes.create_string_buffer(256) if ctypes else None\nreturn performed(sc('name_to_handle_at', -100, b'/', b, b, 0)) or performed(sc('open_by_handle_at', -100, b, 0))",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "change the directory and the root",
        """
        import os
        return [n for n, f, a in (('chdir', os.chdir, ('/etc',)), ('chroot', os.chroot, ('.',)), ('fchdir', os.fchdir, (0,)), ('getcwd', os.getcwd, ())) if attempt(f, *a)]
        """,
    ),
    python(
        "make files",
        """
        import os
        return [n for n, f, a in (('mkdir', os.mkdir, ('/tmp/fw-evil',)), ('symlink', os.symlink, ('/etc', '/tmp/fw-l')), ('link', os.link, ('/etc/passwd', '/tmp/fw-p')),
                                  ('mkfifo', os.mkfifo, ('/tmp/fw-f',)), ('mknod', os.mknod, ('/tmp/fw-n',))) if attempt(f, *a)]
        """,
    ),
    python(
        "damage the canary",
        """
        import os
        p = k['canary_file']
        return [n for n, f, a in (('truncate', os.truncate, (p, 0)), ('unlink', os.unlink, (p,)), ('rename', os.rename, (p, p + 'x')), ('chmod', os.chmod, (p, 0o777)),
                                  ('utime', os.utime, (p,)), ('chown', os.chown, (p, 0, 0))) if attempt(f, *a)]
        """,
    ),
    python(
        "extended attributes",
        "import os\nreturn attempt(os.setxattr, k['canary_file'], 'user.x', b'1') or attempt(os.getxattr, '/', 'security.selinux') or attempt(os.listxattr, '/')",
    ),
    python(
        "tempfile", "import tempfile\nreturn attempt(tempfile.TemporaryFile) or attempt(tempfile.mkdtemp)"
    ),
    python(
        "sqlite file",
        "import sqlite3\nc = sqlite3.connect(k['canary_file'] + '.db')\nc.execute('create table t(a)')\nreturn True",
        FAILED,
        FORBIDDEN,
    ),
    python(
        "sqlite attach and load_extension",
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute(\"attach database '/tmp/fw-evil.db' as e\")\nc.execute('create table e.t(a)')\nreturn True",
        FAILED,
        FORBIDDEN,
    ),
    python("dbm and shelve", "import shelve\nreturn attempt(shelve.open, '/tmp/fw-evil')"),
    python(
        "zip and tar from disk",
        "import zipfile, tarfile\nreturn attempt(zipfile.ZipFile, '/etc/passwd', 'w') or attempt(tarfile.open, '/etc/passwd')",
    ),
    python(
        "loader get_data",
        """
        import json
        for name, module in list(sys.modules.items()):
            loader = getattr(module, '__loader__', None)
            got = attempt(loader.get_data, '/etc/passwd') if hasattr(loader, 'get_data') else None
            if got:
                return name
        return None
        """,
    ),
    python(
        "linecache, tokenize, inspect, fileinput",
        """
        import linecache, tokenize, inspect, json
        return linecache.getlines('/etc/passwd') or attempt(tokenize.open, '/etc/passwd') or (attempt(inspect.getsource, json.loads) or None)
        """,
    ),
    python(
        "a certificate file opened by OpenSSL",
        "import ssl\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\nreturn attempt(c.load_verify_locations, '/etc/ssl/certs/ca-certificates.crt') or attempt(c.load_cert_chain, '/etc/passwd')",
    ),
    python(
        "an external entity",
        """
        import xml.sax, io
        text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
        got = []
        class H(xml.sax.ContentHandler):
            def characters(self, c): got.append(c)
        p = xml.sax.make_parser()
        p.setFeature(xml.sax.handler.feature_external_ges, True)
        p.setContentHandler(H())
        p.parse(io.BytesIO(text.encode()))
        return ''.join(got)
        """,
    ),
    python(
        "faulthandler and wakeup descriptors",
        "import faulthandler, signal\nreturn attempt(faulthandler.enable, 0) and attempt(open, '/etc/passwd')",
    ),
    python(
        "memory-map a file",
        "import mmap, os\nreturn attempt(lambda: mmap.mmap(os.open('/etc/passwd', 0), 10))",
    ),
    python(
        "a zone with a path in its name",
        "import zoneinfo\nreturn attempt(zoneinfo.ZoneInfo, '../../../../etc/passwd') or attempt(zoneinfo.ZoneInfo, '/etc/localtime')",
    ),
    python(
        "load a shared library",
        "return [n for n in ('libthread_db.so.1', 'libnss_hesiod.so.2', '/lib/x86_64-linux-gnu/libanl.so.1', 'libpcprofile.so') if attempt(ctypes.CDLL, n)] if ctypes else None",
        native=True,
    ),
    python(
        "import from disk",
        """
        import importlib.machinery, importlib.util
        found = []
        for n, p in (('e', '/usr/lib/python3/dist-packages/apt_pkg.py'), ('f', '/tmp/fw-evil.so')):
            for kind in (importlib.machinery.SourceFileLoader, importlib.machinery.ExtensionFileLoader):
                if attempt(lambda: kind(n, p).exec_module(importlib.util.module_from_spec(importlib.util.spec_from_loader(n, kind(n, p))))):
                    found.append(n)
        return found
        """,
    ),
    python(
        "put the finders back",
        """
        import importlib.machinery, importlib
        sys.path[:] = ['/usr/lib/python3.11', '/usr/lib/python3/dist-packages', '/tmp', k['canary_dir']]
        sys.path_hooks[:] = [importlib.machinery.FileFinder.path_hook((importlib.machinery.SourceFileLoader, ['.py']))]
        sys.meta_path[:] = [importlib.machinery.PathFinder]
        sys.path_importer_cache.clear()
        import canary_module
        return canary_module.VALUE
        """,
        FAILED,
    ),
    python(
        "inotify and fanotify",
        "b = ctypes.create_string_buffer(64) if ctypes else None\nreturn performed(sc('inotify_init1', 0)) or performed(sc('fanotify_init', 0, 0))",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "statfs, sync, sendfile",
        "b = ctypes.create_string_buffer(512) if ctypes else None\nreturn performed(sc('statfs', b'/', b)) or performed(sc('sync')) or performed(sc('sendfile', 1, 0, 0, 10)) or performed(sc('statx', -100, b'/', 0, 0xfff, b))",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "descriptors beyond the four",
        "import os\nreturn [fd for fd in range(4, 1024) if attempt(os.fstat, fd)]",
        OK,
    ),
]
