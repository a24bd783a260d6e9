"""Runs every code block of the docs, and compares what it prints with what the docs show.

============================  ==================================================================
``.. code-block:: python``    runs, with ``await``; its names are kept to the document's end
``.. code-block:: text``      the output of the Python block before it (without it: no output)
``.. code-block:: console``   lines ``$ tryconnect …`` run, followed by their output;
                              ``$ cat …`` shows one of the world's files; ``echo``, ``&&`` and
                              ``> /dev/null`` work as in a shell; and ``$ timeout
                              --preserve-status -s INT 1 …`` presses Ctrl-C after a second
``.. code-block:: toml``      a targets file for the probe server, which must be valid
``.. code-block:: bash``      does not run here: ``.ci/run`` must have the same line
``.. code-block:: html`` …    data
============================  ==================================================================

Times and ports on loopback may differ. The world of a document is this machine: the names in
``world()`` resolve to servers on loopback, no other name exists, and connecting elsewhere fails.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import difflib
import functools
import inspect
import io
import ipaddress
import os
import re
import shlex
import signal
import socket
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from sybil import Document, Example, Region
from sybil.parsers.rest.lexers import DirectiveLexer

from tryconnect import cli
from tryconnect import testing as peers
from tryconnect._model import greeting
from tryconnect._options import Options, read_options
from tryconnect.testing.certificates import DAY, NOW, authority, serving
from tryconnect.web import read_targets

# --- from a document to its blocks


class Block(NamedTuple):
    """One block of a document, and the output that the document shows for it."""

    source: str
    shown: str
    line: int


def blocks(document: Document) -> Iterator[Region]:
    """Yield the blocks to run (a parser, in Sybil's terms).

    Raises:
        ValueError: A block is of an unknown kind, or an output belongs to no block.
    """
    found = sorted(DirectiveLexer("code-block")(document), key=lambda region: region.start)
    ends = [*found, Region(document.end, document.end, lexemes={"arguments": "", "source": ""})]
    before = ""
    for region, following in pairwise(ends):
        language, source = _language(region), region.lexemes["source"]
        if language == "text" and before != "python":
            raise ValueError(f"{document.path}: no Python block prints {source!r}")
        if language not in RUNNERS:
            raise ValueError(f"{document.path}: nobody knows what to do with a block in {language}")
        before = language
        if (run := RUNNERS[language]) is not None:
            shown = following.lexemes["source"] if _language(following) == "text" else ""
            line = document.text.count("\n", 0, region.start) + source.line_offset
            yield Region(region.start, region.end, Block(source, shown, line), run)


def _language(region: Region) -> str:
    language: str = region.lexemes["arguments"]
    return language


# --- running them


def run_python(example: Example) -> str:
    """Run a Python block; return how its output differs from the one shown."""
    block: Block = example.parsed
    # Leading empty lines make the line numbers in tracebacks those of the document.
    code = compile(
        "\n" * block.line + block.source,
        example.path,
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result = eval(code, example.namespace)  # noqa: S307 - running the documents is the point
        if inspect.iscoroutine(result):
            _runner(example).run(result)
    return difference(printed.getvalue(), block.shown)


def run_console(example: Example) -> str:
    """Run the commands of a console block; return how their output differs from the one shown."""
    printed, code = "", 0
    for line in example.parsed.source.splitlines():
        if line.startswith("$ "):
            printed += f"{line}\n"
            for command in line[2:].split(" && "):
                output, code = _command(shlex.split(command), code)
                printed += output
                if code:
                    break
    return difference(printed, example.parsed.source)


ONE_TARGET = """
[[target]]
name = "shop"
address = "https://example.com/"
"""


def run_targets(example: Example) -> str:
    """Read a targets file, or a part of one without targets; return what is wrong with it."""
    source = example.parsed.source
    if "[[target]]" not in source:
        source += ONE_TARGET
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "targets.toml"
        # A program that is there, for the reader's own.
        file.write_text(source.replace("/usr/local/bin/page", sys.executable), "utf-8")
        try:
            with mock.patch.dict(os.environ, ON_CALL_URLS="json://on-call.test/"):
                read_targets(file)
        except ValueError as error:
            return str(error)
    return ""


RUNNERS: dict[str, Callable[[Example], str] | None] = {
    "python": run_python,
    "text": None,
    "console": run_console,
    "toml": run_targets,
    "bash": None,
    "sh": None,
    # Data.
    **dict.fromkeys(("html", "http", "ini", "json", "xml", "yaml")),
}


def _runner(example: Example) -> asyncio.Runner:
    """Return the document's event loop: one for all its blocks, as in a notebook."""
    stack: ExitStack = example.namespace[STACK]
    if RUNNER not in example.namespace:
        example.namespace[RUNNER] = stack.enter_context(asyncio.Runner())
    runner: asyncio.Runner = example.namespace[RUNNER]
    return runner


def _command(words: list[str], last: int) -> tuple[str, int]:
    """Run a command line; return its output and exit code."""
    if words[0] == "echo":
        return " ".join([*words[1:], ""]).replace("$?", str(last)).strip() + "\n", 0
    if words[0] == "cat":
        return FILES[words[1]], 0
    interrupted: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if words[:4] == INTERRUPTING:
        interrupted, words = _interrupting(float(words[4])), words[5:]
    if words[-2:] == [">", "/dev/null"]:
        return "", _command(words[:-2], last)[1]
    if words.pop(0) != "tryconnect":
        raise ValueError("a console block runs tryconnect, and nothing else")
    with interrupted:
        return _run_tryconnect(words)


INTERRUPTING = ["timeout", "--preserve-status", "-s", "INT"]


@contextlib.contextmanager
def _interrupting(seconds: float) -> Iterator[None]:
    """Press Ctrl-C after ``seconds``."""
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _run_tryconnect(words: list[str]) -> tuple[str, int]:
    with io.StringIO() as screen:
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
            try:
                code = cli.main(words)
            except SystemExit as end:  # argparse
                code = int(end.code or 0)
        return screen.getvalue(), code


def difference(printed: str, shown: str) -> str:
    """Return the lines in which an output differs from the one shown; empty if none does."""
    lines = steady(shown), steady(printed)
    return "\n".join(difflib.unified_diff(*lines, "shown", "printed", lineterm="", n=1))


def steady(text: str) -> list[str]:
    """Return a text's lines without what differs between runs or versions of libraries."""
    for pattern, word in _UNSTEADY.items():
        text = re.sub(pattern, word, text)
    return [line.rstrip() for line in textwrap.dedent(text).strip().splitlines()]


_UNSTEADY = {
    r"\b\d+(\.\d+)?(e[+-]?\d+)? (ms|s)\b": "<time>",
    r"(?<=127\.0\.0\.1:)\d+": "<port>",
    r"(?<='127\.0\.0\.1', )\d+": "<port>",
    r"(?<=watched for )\d+": "<time>",
    r"\b\d+(?= checks)": "<number>",
    r"(?<=\": )(\d+(\.\d+)?e-\d+|\d+\.\d+)": "<seconds>",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)": "<date>",
    r'(?<="chain_expires": )null': '"<date>"',  # before Python 3.13
    r"\([A-Z_]+\)": "<OpenSSL's word>",
    r"(?<=not with HTTP )\(.*?\)(?=  \[)": "<aiohttp's words>",
}


# --- the world that they run in

STACK = "_world"
RUNNER = "_runner"


def enter(namespace: dict[str, Any]) -> None:
    """Set up before a document's first block."""
    stack = namespace[STACK] = ExitStack()
    stack.enter_context(world())


def leave(namespace: dict[str, Any]) -> None:
    """Clean up after a document's last block."""
    namespace[STACK].close()


@contextlib.contextmanager
def world() -> Iterator[None]:
    """Start the servers that the docs mention, and make their names resolve."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # What a page adds to the table of services is that page's.
        patch.setattr(greeting, "_by_scheme", {**greeting._by_scheme})
        patch.setattr(greeting, "_recognisable", [*greeting._recognisable])
        site = stack.enter_context(peers.in_thread(peers.http_server()))
        secure = stack.enter_context(
            peers.in_thread(peers.http_server(tls=_certificate("example.com")))
        )
        expired = stack.enter_context(
            peers.in_thread(peers.http_server(tls=_certificate("expired.badssl.com", expired=True)))
        )
        nobody = stack.enter_context(peers.in_thread(peers.closed_port()))
        for server in (site, secure):
            server.pages |= PAGES
        names = Invented(
            {
                ("example.com", 80): site.port,
                ("example.com", 443): secure.port,
                ("expired.badssl.com", 443): expired.port,
                ("localhost", 8000): nobody.port,
            }
        )
        patch.setattr("tryconnect._client.read_options", functools.partial(_read_options, names))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, text in FILES.items():
            (folder / name).write_text(text, "utf-8")
        stack.enter_context(contextlib.chdir(folder))
        (folder / "ca.pem").write_bytes(peers.ca_pem())
        patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        for bundle in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(bundle, raising=False)
        patch.setenv("NO_PROXY", "*")
        patch.setenv("no_proxy", "*")
        patch.setenv("COLUMNS", "80")  # argparse breaks its lines there
        stack.enter_context(on_loopback())
        yield


PAGES = {
    "/": peers.CannedResponse(
        b"<!doctype html><title>Example Domain</title>", (("Content-Type", "text/html"),)
    ),
    "/health": peers.CannedResponse(b"ready", (("Content-Type", "text/plain"),)),
    "/maintenance": peers.CannedResponse(b"back soon", (("Content-Type", "text/plain"),), 503),
}


FILES = {
    "addresses.txt": """\
# ours
example.com
example.com/maintenance

# under construction
localhost:8000
""",
}


def _certificate(name: str, *, expired: bool = False) -> Any:
    until = NOW - DAY if expired else NOW + 30 * DAY
    return serving(authority().issue_cert(name, not_before=NOW - 30 * DAY, not_after=until))


def _read_options(names: AbstractResolver, **options: Any) -> Options:
    """Read a client's options, and have it ask for names here if it names no resolver."""
    return read_options(**options | {"resolver": options["resolver"] or names})


class Invented(AbstractResolver):
    """Resolves the names of a document's world, and no others.

    Args:
        places: The loopback port for each (name, port).
    """

    def __init__(self, places: dict[tuple[str, int], int]) -> None:
        self._places = places

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name."""
        del family
        real = self._places.get((host, port))
        if real is None:
            raise socket.gaierror(socket.EAI_NONAME, "this world has no such name")
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=real,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


class OtherMachineError(AssertionError):
    """A document's program connects to another machine."""


@contextlib.contextmanager
def on_loopback() -> Iterator[None]:
    """Make every connection to another machine fail until the context exits."""
    _install()
    _guards.append(None)
    try:
        yield
    finally:
        _guards.pop()


_guards: list[None] = []
"""One for each active context."""


@functools.cache
def _install() -> None:
    """Install the audit hook once, since it cannot be removed."""
    sys.addaudithook(_watch)


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto"} or not _guards:
        return
    host = args[1][0] if isinstance(args[1], tuple) else None
    if host is not None and not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise OtherMachineError(f"{event} {args[1]}")
