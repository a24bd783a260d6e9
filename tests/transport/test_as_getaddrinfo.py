"""A name is what this machine's ``getaddrinfo`` says, in each situation of a table.

``support/name_table/inside.py`` asks both, each situation in a network and a folder ``/etc`` of its
own, where all name servers are the test's.
"""

import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.name_table.situation import Situation
from tests.support.name_table.table import SITUATIONS
from tests.support.programs import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="there are no namespaces"),
    pytest.mark.wants(namespaces=True),
]

LATE = 0.1
"""Seconds that ours may take longer than glibc, once the name servers have had their say."""

LOST = 1.5
"""Seconds by which a lost question makes a name late."""


def run(*names: str) -> dict[str, Any]:
    """Try these situations, or all; return what was said."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-m", "tests.support.name_table.inside", folder, *names],
            check=True,
            cwd=ROOT,
            timeout=300,
        )
        paths = {name: Path(folder, str(place)) for place, name in enumerate(SITUATIONS)}
        return {name: json.loads(paths[name].read_text()) for name in names or SITUATIONS}


@functools.cache
def all_said() -> dict[str, Any]:
    return run()


def family_first(addresses: list[str]) -> str:
    return "none" if not addresses else "IPv6" if ":" in addresses[0] else "IPv4"


def seen(said: dict[str, Any]) -> tuple[str, set[str], str]:
    return said["verdict"], set(said["addresses"]), family_first(said["addresses"])


def is_late(situation: Situation, ours: dict[str, Any], glibc: dict[str, Any]) -> bool:
    """Whether ours took longer than the name servers took for us, and then glibc for us."""
    asked_first = ours["first"] if ours["first"] < ours["took"] else 0
    limit = glibc["took"] + asked_first + (LOST if situation.lossy else LATE)
    return bool(ours["took"] > limit)


def cases() -> Iterator[Any]:
    for name, situation in SITUATIONS.items():
        wants = [pytest.mark.wants(program=daemon.program) for daemon in situation.daemons]
        yield pytest.param(name, marks=wants)


@pytest.mark.parametrize("name", [*cases()])
def test_ours_is_what_getaddrinfo_says(name: str) -> None:
    situation = SITUATIONS[name]
    said = all_said()[name]
    assert isinstance(said, list), said
    if any(is_late(situation, each["ours"], each["glibc"]) for each in said):
        said = run(name)[name]

    if situation.better:
        assert all(each["ours"]["verdict"] == "found" for each in said)
        assert any(each["glibc"]["verdict"] != "found" for each in said)
    else:
        for each in said:
            assert seen(each["ours"]) == seen(each["glibc"]), each
    assert [each for each in said if is_late(situation, each["ours"], each["glibc"])] == []


def test_the_table_is_long_enough() -> None:
    assert len(SITUATIONS) >= 80
