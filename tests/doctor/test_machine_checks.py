"""What the doctor finds on machines: this one with something planted, and files of others."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pycares
import pytest

from tests.support import limits
from tests.support.programs import run
from tryconnect import doctor
from tryconnect import testing as peers
from tryconnect.doctor import Finding, Level, _machine_checks
from tryconnect.doctor._certificates import machine_clock, trust
from tryconnect.doctor._hosts import hosts
from tryconnect.doctor._ipv6 import ipv6
from tryconnect.doctor._limits import descriptors
from tryconnect.doctor._name_servers import _Asked, configured, name_servers
from tryconnect.doctor._proxy import proxies
from tryconnect.testing import dns as answers

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux' own files")

OK, WARNING, FAULT = Level.ok, Level.warning, Level.fault


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


# --- name servers


def asked(*servers: str) -> list[Finding]:
    return list(name_servers(servers=servers))


def test_a_name_server_that_answers_is_well() -> None:
    with peers.in_thread(peers.dns_server({})) as dns:
        (found,) = asked(dns.address)
    assert found.level is OK
    assert dns.address in found.sentence
    assert [query.name for query in dns.queries] == ["."]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answers.REFUSED, "refuses"),
        (answers.GARBAGE, "not DNS"),
        (answers.SILENT, "does not answer within"),
    ],
)
def test_a_name_server_that_says_nothing_of_use_is_a_fault(
    answer: answers.Answer, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tryconnect.doctor._name_servers._ANSWER_TIMEOUT", 0.3)
    with peers.in_thread(peers.dns_server({".": answer})) as dns:
        (found,) = asked(dns.address)
    assert found.level is FAULT
    assert said in found.sentence


def test_a_name_server_of_a_closed_network_is_a_warning() -> None:
    """It knows its own zones, and says SERVFAIL for the root."""
    closed = peers.dns_server({".": answers.SERVFAIL})
    with peers.in_thread(closed) as dns, peers.in_thread(peers.closed_port()) as none:
        answering, gone = asked(dns.address, none.address)
    assert answering.level is WARNING
    assert "SERVFAIL" in answering.sentence
    assert gone.level is WARNING  # the other one stands in for it


@pytest.mark.slow
def test_a_silent_name_server_is_a_warning_where_another_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tryconnect.doctor._name_servers._ANSWER_TIMEOUT", 0.3)
    silent = peers.dns_server({".": answers.SILENT})
    with peers.in_thread(silent) as dumb, peers.in_thread(peers.dns_server({})) as dns:
        found = asked(dumb.address, dns.address)
    assert [each.level for each in found] == [WARNING, OK]


def test_a_slow_name_server_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryconnect.doctor._name_servers._SLOW", 0.1)
    with peers.in_thread(peers.dns_server({".": answers.late(0.2)})) as dns:
        (found,) = asked(dns.address)
    assert found.level is WARNING
    assert "to answer" in found.sentence


def test_a_name_server_that_is_not_there_is_a_fault() -> None:
    with peers.in_thread(peers.closed_port()) as closed:
        (found,) = asked(closed.address)
    assert found.level is FAULT
    assert "nothing listens" in found.sentence


def test_the_first_word_of_a_name_server_counts_and_no_later_one() -> None:
    """Called here, since coverage does not see c-ares' own thread."""
    with peers.in_thread(peers.dns_server({".": answers.SILENT})) as dns:
        asked = _Asked(dns.address)
        asked._note(None, None)
        asked._note(None, pycares.errno.ARES_EDESTRUCTION)  # as of the channel's closing
        asked.channel.close()
    assert asked.answered
    assert asked.took is not None
    assert 0 <= asked.took < 5


def test_without_name_servers_there_is_a_fault() -> None:
    (found,) = asked()
    assert found.level is FAULT
    assert "there is no name server" in found.sentence


def test_the_name_servers_of_this_machine_are_those_that_checks_ask() -> None:
    assert all(isinstance(server, str) for server in configured())


# --- the file of hosts


def with_hosts(folder: Path, text: str) -> Finding:
    file = folder / "hosts"
    file.write_text(text, "utf-8")
    return only(hosts(file=file))


HOSTS = {
    "sound": ("127.0.0.1 localhost\n::1 localhost # both\n\n# nothing\n", OK, "1 name,"),
    "more names": ("127.0.0.1 localhost\n127.0.0.2 a b\n", OK, "3 names"),
    "another machine": ("192.0.2.1 localhost\n", FAULT, "maps localhost to 192.0.2.1"),
    "a name first": ("localhost 127.0.0.1\n", WARNING, 'line 1 of .* address: "localhost"'),
    "a zone": ("127.0.0.1 localhost\nfe80::1%lo0 localhost\n", FAULT, "fe80::1"),
}


@pytest.mark.parametrize(("text", "level", "sentence"), HOSTS.values(), ids=list(HOSTS))
def test_hosts(tmp_path: Path, text: str, level: Level, sentence: str) -> None:
    found = with_hosts(tmp_path, text)
    assert found.level is level
    assert re.search(sentence, found.sentence)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows localhost by itself")
def test_a_file_of_hosts_without_localhost_is_a_warning(tmp_path: Path) -> None:
    found = with_hosts(tmp_path, "127.0.0.2 other\n")
    assert found.level is WARNING
    assert "does not know localhost" in found.sentence


def test_a_missing_file_of_hosts_is_a_warning(tmp_path: Path) -> None:
    found = only(hosts(file=tmp_path / "none"))
    assert found.level is WARNING
    assert "cannot be read" in found.sentence


# --- IPv6

LOOPBACK = f"{1:032x} 01 80 10 80       lo\n"
LINK_LOCAL = "fe80000000000000000000000000000a 02 40 20 80     eth0\n"
OUTWARD = "20010db8000000000000000000000001 02 40 00 80     eth0\n"
_ANYWHERE = f"{0:032x} 00 {0:032x} 00"
WAY_OUT = f"{_ANYWHERE} fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n"
REFUSES = f"{_ANYWHERE} {0:032x} ffffffff 00000001 00000000 00200200       lo\n"
LINK = f"fe80{0:028x} 40 {0:032x} 00 {0:032x} 00000100 00000001 00000000 00000001     eth0\n"

IPV6 = {
    "switched off": (None, None, OK, "no IPv6"),
    "loopback": (LOOPBACK, REFUSES, OK, "no IPv6"),
    "within the link": (LOOPBACK + LINK_LOCAL, LINK + REFUSES, OK, "no IPv6"),
    "usable": (LOOPBACK + LINK_LOCAL + OUTWARD, LINK + WAY_OUT, OK, "a default route"),
    "no way out": (OUTWARD, LINK + REFUSES, WARNING, "no default route"),
    "no address": (LINK_LOCAL, WAY_OUT, WARNING, "no address"),
}


@linux_only
@pytest.mark.parametrize(("addresses", "routes", "level", "said"), IPV6.values(), ids=list(IPV6))
def test_ipv6(
    tmp_path: Path, addresses: str | None, routes: str | None, level: Level, said: str
) -> None:
    files = {"addresses": addresses, "routes": routes}
    for name, text in files.items():
        if text is not None:
            (tmp_path / name).write_text(text, "ascii")
    found = only(ipv6(**{name: tmp_path / name for name in files}))
    assert found.level is level
    assert said in found.sentence


@pytest.mark.parametrize("there", [True, False])
def test_ipv6_elsewhere_is_there_or_not(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setattr(sys, "platform", "elsewhere")
    monkeypatch.setattr("tryconnect.doctor._ipv6._LOOPBACK", "::1" if there else "::2")
    found = only(ipv6())
    assert found.level is OK
    assert ("not tried" in found.sentence) is (there and peers.ipv6_loopback())


# --- proxies


def test_without_proxies_there_is_nothing_to_do() -> None:
    found = only(proxies())
    assert (found.level, found.sentence) == (OK, "no proxy is in use")


def test_a_proxy_that_listens_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with peers.in_thread(peers.proxy()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@{proxy.address}/")
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{proxy.address}/")
        monkeypatch.setenv("NO_PROXY", "localhost")
        found = only(proxies())
    assert found.level is OK
    assert f"http and https addresses go through the proxy http://me:***@{proxy.address}/" in (
        found.sentence
    )


def test_a_proxy_that_is_not_there_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    with peers.in_thread(peers.closed_port()) as closed:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{closed.address}")
        found = only(proxies())
    assert found.level is FAULT
    assert "https addresses cannot be reached" in found.sentence


@pytest.mark.parametrize("proxy", ["socks6://127.0.0.1:1080", "http://a:b:c@[::1"])
def test_a_proxy_that_cannot_be_used_is_a_fault(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    found = list(proxies())
    assert [each.level for each in found] == [FAULT, FAULT]
    assert "no http address can be checked: the proxy" in found[0].sentence


def test_one_proxy_may_be_well_and_the_other_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks6://127.0.0.1:1080")
    monkeypatch.setenv("http_proxy", "socks6://127.0.0.1:1080")
    with peers.in_thread(peers.proxy()) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        found = list(proxies())
    assert [each.level for each in found] == [FAULT, OK, WARNING]


def test_a_proxy_for_this_machine_itself_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with peers.in_thread(peers.proxy()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        _, found = proxies()
    assert found.level is WARNING
    assert "NO_PROXY" in found.advice


# --- certificates, and the clock


def test_a_store_with_certificates_is_well(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert "1 certificate authorities are trusted" in only(trust()).sentence


def test_an_empty_store_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    found = only(trust())
    assert found.level is FAULT
    assert "every https check fails" in found.sentence
    assert only(machine_clock()).level is WARNING


def test_a_folder_of_certificates_is_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    (tmp_path / "01234567.0").touch()
    assert f"in {tmp_path} are trusted" in only(trust()).sentence


def test_a_variable_that_names_no_certificates_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    found = only(trust())
    assert found.level is FAULT
    assert "REQUESTS_CA_BUNDLE" in found.sentence
    assert only(machine_clock()).level is WARNING


@pytest.mark.parametrize(("year", "level"), [(1970, FAULT), (None, OK), (9000, FAULT)])
def test_a_clock_that_no_certificate_fits_is_a_fault(
    year: int | None, level: Level, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    now = None if year is None else datetime(year, 1, 2, tzinfo=UTC).timestamp()
    found = only(machine_clock(now=now))
    assert found.level is level
    assert year is None or f"{year}-01-02" in found.sentence


# --- open files

LIMITS = {
    "plenty": (1024, 20, OK, "1004 of 1024"),
    "a low limit": (512, 20, WARNING, "492 of 512"),
    "a very low limit": (64, 20, FAULT, "only 44 of 64"),
    "a leak": (1024, 1000, FAULT, "only 24 of 1024"),
}


@pytest.mark.parametrize(("limit", "taken", "level", "said"), LIMITS.values(), ids=list(LIMITS))
def test_descriptors(limit: int, taken: int, level: Level, said: str) -> None:
    found = only(descriptors(limit=limit, taken=taken))
    assert found.level is level
    assert said in found.sentence


@linux_only
def test_the_limits_of_this_process_are_those_that_are_looked_at() -> None:
    with limits.descriptors(40):
        found = only(descriptors())
    assert found.level is FAULT
    assert found.sentence.startswith("only ")


NOT_COUNTED = """
from tryconnect.doctor._limits import descriptors
(found,) = descriptors(limit=1024)
print(found.sentence)
"""
WITHOUT_LISTS = 'mount -t tmpfs none /proc && mount -t tmpfs none /dev && exec "$@"'


@pytest.mark.slow
@pytest.mark.wants(namespaces=True)
def test_where_the_system_has_no_list_of_them_none_counts_as_taken() -> None:
    done = run(NOT_COUNTED, by=("unshare", "--mount", "sh", "-c", WITHOUT_LISTS, "sh"))

    assert (done.stdout, done.stderr) == ("1024 of 1024 open files are free\n", "")


def test_a_system_without_limit_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert "no limit" in only(descriptors()).sentence


# --- all at once


async def looked_at() -> dict[str, Finding]:
    findings = await doctor.examine(only="machine", name_servers=[])
    return {finding.name: finding for finding in findings}


async def test_a_whole_machine_is_looked_at_in_its_order() -> None:
    with peers.in_thread(peers.dns_server({})) as dns:
        findings = await doctor.examine(only="machine", name_servers=[dns.address])
    assert list({finding.name: None for finding in findings}) == list(_machine_checks.MACHINE_TESTS)
    assert findings.named("name_servers")[0].level is OK


@pytest.mark.slow
async def test_a_look_that_hangs_is_left_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang() -> list[Finding]:
        release.wait(5)
        return []

    monkeypatch.setitem(_machine_checks.MACHINE_TESTS, "hosts", hang)
    monkeypatch.setattr(_machine_checks, "_LONGEST", 0.5)
    found = (await looked_at())["hosts"]
    release.set()
    assert found.level is FAULT
    assert "did not finish" in found.sentence


async def test_a_look_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[Finding]:
        raise LookupError("a strange machine")

    monkeypatch.setitem(_machine_checks.MACHINE_TESTS, "hosts", fail)
    found = (await looked_at())["hosts"]
    assert found.level is FAULT
    assert "LookupError: a strange machine" in found.sentence


async def test_others_go_on_meanwhile() -> None:
    ticks: list[None] = []

    async def tick() -> None:
        while True:
            ticks.append(None)
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await looked_at()
    ticking.cancel()
    assert len(ticks) > 5
