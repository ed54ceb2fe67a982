"""Which modules of the standard library the Python interpreters hold ready.

The more an interpreter holds, the longer each fork takes, so there are two: `python` with what most code imports, and
`library` with nearly everything. The client chooses by the words in the code (`protocol.choose_socket`). Pure
modules in neither list are loaded from an archive in memory when they are imported.
"""

from __future__ import annotations

import sys

CORE = frozenset(
    {
        "__future__", "_thread", "abc", "array", "base64", "binascii", "bisect", "builtins", "calendar", "cmath",
        "codecs", "collections", "contextlib", "copy", "datetime", "enum", "errno", "functools", "gc",
        "genericpath", "heapq", "html", "io", "itertools", "json", "keyword", "linecache", "locale",
        "marshal", "math", "operator", "os", "posixpath", "random", "re", "reprlib", "stat", "string", "struct",
        "sys", "textwrap", "time", "token", "traceback", "types", "typing", "urllib", "uuid", "warnings", "weakref",
    }
)  # fmt: skip

CORE_IMPORTS = (
    "json re math cmath datetime time calendar random string textwrap itertools functools operator collections "
    "collections.abc heapq bisect array copy enum types typing abc contextlib traceback linecache "
    "warnings io base64 binascii struct html urllib.parse uuid weakref keyword"
)

LIBRARY_IMPORTS = (
    "pprint statistics decimal fractions numbers hashlib hmac secrets html.parser html.entities csv difflib "
    "dataclasses unicodedata zlib gzip bz2 lzma zipfile tarfile xml.etree.ElementTree xml.dom.minidom xml.sax "
    "xml.sax.saxutils configparser tomllib email.message email.parser email.policy email.utils "
    "email.generator email.mime.text email.mime.multipart mimetypes quopri colorsys zoneinfo _strptime "
    "inspect ast tokenize pickle copyreg locale platform asyncio asyncio.taskgroups asyncio.timeouts "
    "threading queue concurrent.futures concurrent.futures.thread logging graphlib ipaddress shlex fnmatch "
    "glob pathlib tempfile sched stringprep argparse cProfile pstats timeit contextvars socket ssl "
    "http.client http.cookies urllib.request urllib.error select selectors signal subprocess resource mmap "
    "ctypes ctypes.util sqlite3 codeop code dis opcode symtable doctest unittest bdb pdb cmd "
    "string.templatelib multiprocessing.connection shelve dbm filecmp fileinput getopt getpass gettext "
    "imaplib smtplib optparse poplib rlcompleter shutil socketserver syslog tracemalloc faulthandler "
    "wsgiref.util xmlrpc.client zipapp zipimport _zoneinfo _datetime _decimal _statistics _queue _uuid _crypt "
    "fcntl termios readline grp pwd nis"
)

# no place in a sandbox: user interfaces, packaging, tests
EXCLUDED = frozenset(
    {
        "antigravity", "curses", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "this",
        "tkinter", "turtle", "turtledemo", "venv", "webbrowser",
    }
)  # fmt: skip

LIBRARY_WORDS = frozenset(sys.stdlib_module_names) - CORE - EXCLUDED

CODECS = (
    "utf-8", "utf-8-sig", "ascii", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp437",
    "unicode_escape", "raw_unicode_escape",
)  # fmt: skip
LIBRARY_CODECS = (
    "idna", "punycode", "base64", "hex", "rot13", "zlib", "bz2", "quopri", "uu", "gbk", "gb2312", "gb18030", "big5",
    "shift_jis", "euc_jp", "euc_kr", "iso2022_jp", "koi8-r", "iso8859-1", "iso8859-15", "cp1250", "cp1251", "mac-roman",
)  # fmt: skip
