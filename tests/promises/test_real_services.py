"""Debian's redis, postgresql, mariadb, exim and openssh, each with the others behind its port."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.support import services
from tests.support.ports import free_port
from tryconnect import Reason, sync

pytestmark = [
    pytest.mark.slow,
    *[pytest.mark.wants(program=program) for program in services.PROGRAMS.values()],
]

SCHEMES = [*services.PROGRAMS]
NAMES = {
    "redis": "Redis",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "smtp": "SMTP",
    "ssh": "SSH",
}


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Where each of them listens."""
    with contextlib.ExitStack() as stack:
        found = {scheme: free_port() for scheme in SCHEMES}
        for scheme, port in found.items():
            stack.enter_context(services.running(scheme, port))
        for scheme, port in found.items():
            sync.wait_until_up(f"{scheme}://127.0.0.1:{port}", timeout=services.START_TIMEOUT)
        yield found


@pytest.mark.parametrize("there", SCHEMES)
@pytest.mark.parametrize("asked", SCHEMES)
def test_each_is_up_as_itself_and_as_no_other(
    asked: str, there: str, ports: dict[str, int]
) -> None:
    address = f"{asked}://127.0.0.1:{ports[there]}"
    single = sync.probe(address, timeout=1)
    (listed,) = sync.probe_many([address], timeout=1)

    assert single.reason is listed.reason
    if asked == there:
        assert single.reason is Reason.ok, single
        assert single.detail.startswith(f"answered as {NAMES[there]} does in ")
        return
    # Some wait for a word that the other never says.
    assert single.reason in {Reason.protocol, Reason.timeout, Reason.reset}, single
    if single.reason is Reason.protocol:
        assert f"speaks {NAMES[there]}, not {NAMES[asked]}" in single.detail


@pytest.mark.parametrize("there", SCHEMES)
def test_http_is_told_what_answers_there(there: str, ports: dict[str, int]) -> None:
    report = sync.probe(f"http://127.0.0.1:{ports[there]}/", timeout=2)

    if there in {"redis", "postgresql"}:  # they hang up on HTTP, without a word
        assert report.reason is Reason.reset
        return
    assert report.reason is Reason.protocol, report
    assert f"speaks {NAMES[there]}, not HTTP: try {there}://" in report.detail
