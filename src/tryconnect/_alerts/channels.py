"""The ways by which an alert leaves: a command, and a notification by Apprise."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tryconnect._alerts.process import ProgramError, run

if TYPE_CHECKING:
    from tryconnect._alerts.alert import Alert

__all__ = ["Command", "Notification", "ProgramError", "notify_urls", "urls_of_variable"]

TIME_LIMIT = 30.0
"""Seconds within which a command or a notification must end."""

REFUSED = frozenset(
    {
        # They read or write files, or run something.
        *("file", "exec", "cmd", "command", "script", "shell", "sh", "bash", "run", "python"),
        *("pipe", "custom", "macosx"),
        # They speak to a desktop or a device of this machine, where nobody looks.
        *("dbus", "qt", "kde", "glib", "gio", "gnome", "windows", "syslog", "blink1"),
    }
)
"""Schemas of Apprise's, and of extensions of it, that are not sent over a network."""

_SCHEMA = re.compile(r"([A-Za-z0-9][A-Za-z0-9+_.-]*)://\S+")


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run for each alert, with its facts in variables.

    Args:
        line: The program and its arguments, quoted as for a shell, which never sees it.
        timeout: Seconds within which it must end.

    Raises:
        ValueError: It names no program that there is.
    """

    line: str
    timeout: float = TIME_LIMIT
    argv: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.line, str):
            raise TypeError(f"a command is a text, not {self.line!r}")
        try:
            argv = shlex.split(self.line)
        except ValueError as error:
            raise ValueError(f"the command cannot be read: {error}".lower()) from None
        if not argv:
            raise ValueError("the command is empty")
        program = shutil.which(argv[0])
        if program is None:
            raise ValueError(f"there is no program {argv[0]!r} that can be run")
        object.__setattr__(self, "argv", (os.path.abspath(program), *argv[1:]))  # noqa: PTH100

    async def deliver(self, alert: Alert) -> None:
        """Run it.

        Raises:
            ProgramError: It failed.
        """
        await run(self.argv, env=_environment() | alert.variables(), timeout=self.timeout)

    def __str__(self) -> str:
        return "exec"


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification by Apprise, in a process of its own: it has executors and requests.

    Args:
        urls: Apprise's URLs; they hold secrets, so they are neither shown nor arguments.
        timeout: Seconds within which it must be sent.

    Raises:
        ValueError: A URL is none, or of a schema that is refused, or Apprise is not installed.
    """

    urls: tuple[str, ...] = field(repr=False)
    timeout: float = TIME_LIMIT

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("there is no URL to notify")
        for number, url in enumerate(self.urls, 1):
            schema = _SCHEMA.fullmatch(url)
            if schema is None:
                raise ValueError(f"URL {number} is not one of Apprise's")
            if schema[1].lower() in REFUSED:
                raise ValueError(f"URL {number}: {schema[1].lower()}:// is refused")
        if getattr(sys, "frozen", False):  # its executable runs nothing but itself
            raise ValueError("a frozen program has no Python to run Apprise with: use a command")
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("to notify needs Apprise: pip install 'tryconnect[notify]'")

    def verify(self) -> None:
        """Have Apprise read the URLs, which takes a second.

        Raises:
            ValueError: It cannot read one.
        """
        done = subprocess.run(  # noqa: S603 - our own words
            _CHILD,
            input=self._message(check=True),
            env=_child_environment(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip().splitlines()
            raise ValueError(said[-1] if said else "Apprise cannot be run")

    async def deliver(self, alert: Alert) -> None:
        """Send it.

        Raises:
            ProgramError: It was not delivered to each URL.
        """
        message = self._message(
            title=alert.title, body=alert.body, type=_TYPES.get(alert.kind.value, "failure")
        )
        await run(_CHILD, env=_child_environment(), timeout=self.timeout, stdin=message)

    def _message(self, **words: Any) -> bytes:
        return json.dumps({"urls": self.urls, **words}).encode()

    def __str__(self) -> str:
        return "notify"


_TYPES = {"up": "success", "local-over": "success", "still-down": "warning"}
"""Apprise's words for kinds of alerts."""

_CHILD = (sys.executable, "-P", "-m", "tryconnect._alerts.send")


def notify_urls(text: str) -> tuple[str, ...]:
    """Return the URLs in a text, with space between them; lines that begin with # are skipped."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return tuple(url for line in lines for url in line.split())


def urls_of_variable(name: str) -> tuple[str, ...]:
    """Return the URLs in an environment variable.

    Raises:
        ValueError: There is no such variable.
    """
    if name not in os.environ:
        raise ValueError(f"there is no variable {name}")
    return notify_urls(os.environ[name])


def _environment() -> dict[str, str]:
    """Return the environment for a program: without our own variables, which hold secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRYCONNECT_")}


def _child_environment() -> dict[str, str]:
    """Return the environment for our own program, which finds the modules that this one does.

    A program in a zip archive has them where its Python would not look.
    """
    return {**_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
