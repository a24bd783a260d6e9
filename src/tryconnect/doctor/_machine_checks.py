"""The tests of this machine, each in a thread, with a timeout."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from tryconnect._model.redaction import escape_control, redact
from tryconnect._model.render import duration
from tryconnect.doctor._bounded import until
from tryconnect.doctor._certificates import machine_clock, trust
from tryconnect.doctor._findings import fault
from tryconnect.doctor._hosts import hosts
from tryconnect.doctor._ipv6 import ipv6
from tryconnect.doctor._limits import descriptors
from tryconnect.doctor._name_servers import name_servers
from tryconnect.doctor._proxy import proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tryconnect.doctor._findings import Finding

__all__ = ["MACHINE_TESTS", "looked_at"]

MACHINE_TESTS: dict[str, Callable[..., Iterable[Finding]]] = {
    "name_servers": name_servers,
    "hosts": hosts,
    "ipv6": ipv6,
    "proxies": proxies,
    "trust": trust,
    "descriptors": descriptors,
    "machine_clock": machine_clock,
}
"""By the names of the findings."""

_LONGEST = 5.0
"""Seconds for all: name servers and proxies get two."""


async def looked_at(servers: Sequence[str] | None) -> list[Finding]:
    """Return the findings of this machine.

    Args:
        servers: The name servers to examine; ``None`` for the machine's own.
    """
    options = {"name_servers": {"servers": servers}} if servers is not None else {}
    looks = [_Look(name, **options.get(name, {})) for name in MACHINE_TESTS]
    await until(lambda: all(look.over.is_set() for look in looks), timeout=_LONGEST)
    return [replace(finding, name=look.name) for look in looks for finding in look.findings()]


class _Look:
    """One test, running in a thread of its own."""

    def __init__(self, name: str, **options: object) -> None:
        self.name = name
        self._options = options
        self._found: list[Finding] = []
        self.over = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"tryconnect-doctor-{name}", daemon=True
        )
        self._thread.start()

    def findings(self) -> list[Finding]:
        """Return the findings; taking too long is one, too."""
        if self.over.is_set():
            self._thread.join()
            return self._found
        sentence = f"this test did not finish within {duration(_LONGEST)}"
        return [fault(sentence, "look at it by hand: the system does not respond")]

    def _run(self) -> None:
        try:
            self._found = list(MACHINE_TESTS[self.name](**self._options))
        except Exception as error:
            said = escape_control(redact(f"{type(error).__name__}: {error}"))
            advice = "look at it by hand, and report this to tryconnect"
            self._found = [fault(f"this test failed ({said})", advice)]
        finally:
            self.over.set()
