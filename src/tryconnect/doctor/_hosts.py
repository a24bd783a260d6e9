"""The hosts file, and ``localhost`` in it."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tryconnect._model.redaction import escape_control
from tryconnect.doctor._findings import Finding, fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["hosts"]

_FILE = (
    Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "drivers", "etc", "hosts")
    if sys.platform == "win32"
    else Path("/etc/hosts")
)


def hosts(*, file: Path = _FILE) -> Iterator[Finding]:
    """Check that the hosts file is readable and knows ``localhost``.

    Args:
        file: Its path.
    """
    try:
        text = file.read_text("utf-8", "replace")
    except OSError as error:
        yield warning(
            f"{file} cannot be read ({error.strerror})",
            "restore it, with the line: 127.0.0.1 localhost",
        )
        return
    yield _judged(text, file)


def _judged(text: str, file: Path) -> Finding:
    known: dict[str, list[ipaddress.IPv4Address | ipaddress.IPv6Address]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        ip, *names = line.partition("#")[0].split() or [""]
        if not ip:
            continue
        try:
            address = ipaddress.ip_address(ip.partition("%")[0])
        except ValueError:
            sentence = (
                f'line {number} of {file} does not begin with an address: "{escape_control(ip)}"'
            )
            return warning(sentence, "correct the line, or remove it")
        for each in names:
            known.setdefault(each.lower(), []).append(address)
    local = known.get("localhost", [])
    # Windows resolves localhost itself; its file does not list it.
    if not local and sys.platform != "win32":
        sentence = f"{file} does not know localhost"
        return warning(sentence, f"add the line: 127.0.0.1 localhost to {file}")
    if astray := [address for address in local if not address.is_loopback]:
        sentence = f"{file} maps localhost to {astray[0]}, which is another machine"
        return fault(sentence, f"remove localhost from that line of {file}")
    count = len(known)
    return ok(f"{file} has {count} name{'s' * (count != 1)}, and localhost is this machine")
