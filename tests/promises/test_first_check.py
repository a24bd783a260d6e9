"""What a first check has to set up is not counted as the site's time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.programs import run
from tryconnect import testing as peers

pytestmark = pytest.mark.slow

SLOW = 0.5
"""Seconds that each part of the setting up takes here, at least."""

PROGRAM = """
import importlib, json, sys, time, tryconnect
from tryconnect._check import preparation
from tryconnect._transport import tls

load, make = preparation._load_resolver, tls._make
def slowly(function):
    pauses = [{slow}]
    def call(*args):
        time.sleep(pauses.pop() if pauses else 0)
        return function(*args)
    return call

preparation._load_resolver, tls._make = slowly(load), slowly(make)
address, kind = sys.argv[1:]
if kind == "list":
    reports = [*tryconnect.sync.probe_many([address] * 3, timeout=0.3)]
else:
    reports = [tryconnect.sync.probe(address, timeout=0.3)]
print(json.dumps([[str(report), report.timings.total] for report in reports]))
"""


@pytest.mark.parametrize("kind", ["list", "single"])
@pytest.mark.parametrize("scheme", ["https", "tls"])
def test_the_trust_store_and_imports_are_nobodys_time(
    scheme: str, kind: str, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with peers.in_thread(peers.http_server(tls=peers.server_context())) as server:
        address = f"{scheme}://localhost:{server.port}"
        done = run(PROGRAM.format(slow=SLOW), address, kind)

    reports = json.loads(done.stdout)
    assert [line.split()[0] for line, _ in reports] == ["ok"] * len(reports), done
    assert all(total < 0.3 for _, total in reports)
