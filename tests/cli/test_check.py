"""``tryconnect check``: many addresses, and their reports as lines and as JSON."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.commands import Ran, command, obeyed, ran, ran_here
from tests.support.limits import descriptors
from tryconnect import testing as peers
from tryconnect.cli._arguments import _place
from tryconnect.testing.certificates import authority

SCHEMA = Path(__file__).parents[2] / "docs/reference/report.schema.json"
PAGE = SCHEMA.with_name("json.rst").read_text("utf-8")

Here = Callable[..., Ran]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    return lambda *words: ran_here(capsys, *words)


def addresses_of(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines()]


# --- files


def test_a_files_addresses_are_checked_and_summed_up(
    here: Here, server: peers.HttpServer, closed: peers.Peer, tmp_path: Path
) -> None:
    file = tmp_path / "list"
    file.write_text(f"# ours\n{server.url}\n\n{closed.url}\nhttp://\n{closed.url}\n")

    done = here(server.address, "-f", str(file))

    assert done.code == 1
    assert sorted(addresses_of(done.out)) == sorted(
        [server.address, server.url, closed.url, closed.url, "http://"]
    )
    assert re.sub(r"\S+ m?s:", "T:", done.err).splitlines() == [
        "5 checked in T: 2 ok, 3 failed",
        "  ok                          2",
        "  refused                     2",
        "  invalid_address             1",
    ]


def test_quiet_prints_nothing(
    here: Here, server: peers.HttpServer, closed: peers.Peer, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text(server.url)

    assert here("-q", "-f", str(tmp_path / "list")) == (0, "", "")
    assert here("-q", server.url, closed.url, "http://h:99999") == (1, "", "")
    assert here("--quiet", "--json", server.url) == (0, "", "")


def test_only_what_failed_is_printed_if_asked(
    here: Here, server: peers.HttpServer, closed: peers.Peer
) -> None:
    done = here("--failed-only", server.url, closed.url, server.url)

    assert addresses_of(done.out) == [closed.url]
    assert re.fullmatch(r"3 checked in \S+ m?s: 2 ok, 1 failed\n", done.err)
    assert here("--failed-only", server.url).out == ""


@pytest.mark.slow
def test_what_took_longest_comes_first_if_asked(here: Here, server: peers.HttpServer) -> None:
    with (
        peers.in_thread(peers.raw(delay=0.1)) as slow,
        peers.in_thread(peers.raw(delay=0.3)) as late,
    ):
        done = here("--sort", "slowest", slow.url, server.url, late.url)

    assert addresses_of(done.out) == [late.url, slow.url, server.url]


def test_one_address_has_no_summary(here: Here, server: peers.HttpServer) -> None:
    assert here(server.url).err == ""


def test_an_empty_file_is_checked_in_no_time(here: Here, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# nothing\n")

    done = here("-f", str(tmp_path / "list"))

    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("0 checked in ")


def test_standard_input_is_a_file_too(server: peers.HttpServer) -> None:
    done = ran("-f", "-", typed=f"{server.url}\n{server.at('/2')}".encode())

    assert done.code == 0
    assert sorted(addresses_of(done.out)) == [server.url, server.at("/2")]


def test_what_is_typed_is_checked_while_more_is_to_come(server: peers.HttpServer) -> None:
    with subprocess.Popen(  # noqa: S603 - our own words
        command("-f", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{server.url}\n".encode())
        process.stdin.flush()
        first = process.stdout.readline()
        assert first.startswith(b"ok ")
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=10) == 0


@pytest.mark.slow
def test_a_files_lines_come_as_each_is_known_or_in_order_if_asked(
    here: Here, server: peers.HttpServer, tmp_path: Path
) -> None:
    file = tmp_path / "list"
    with peers.in_thread(peers.raw(delay=0.2)) as slow:
        file.write_text(f"{slow.url}\n{server.url}\n")

        assert addresses_of(here("-f", str(file)).out) == [server.url, slow.url]
        assert addresses_of(here("-f", str(file), "--ordered").out) == [slow.url, server.url]


def test_bytes_that_are_no_text_are_a_report(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"http://127.0.0.1:9/\xff\x1b[31m\n")

    done = here("-f", str(file))
    told = json.loads(here("--json", "-f", str(file)).out)

    assert done.out.startswith(r"invalid_address     http://127.0.0.1:9/\xff\x1b[31m  ")
    assert told["address"] == "http://127.0.0.1:9/\\xff\x1b[31m"
    assert told["reason"] == "invalid_address"


def test_a_missing_file_is_wrong_usage(here: Here, tmp_path: Path) -> None:
    done = here("-f", str(tmp_path / "none"))

    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"error: cannot read {tmp_path / 'none'}: No such file or directory\n")


BROKEN_PIPE = b"tryconnect: cannot write to standard output: Broken pipe\n"
ENDLESS = "i=1; while :; do echo 127.0.0.1:$i; i=$((i % 60000 + 1)); done"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no sh")
def test_input_without_an_end_is_checked_until_nobody_reads_the_lines() -> None:
    line = f"({ENDLESS}) | {' '.join(command('-f', '-'))} | head -n 300"

    done = subprocess.run(["sh", "-c", line], capture_output=True, check=False, timeout=60)  # noqa: S603, S607

    assert len(done.stdout.splitlines()) == 300
    assert done.stderr == BROKEN_PIPE


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_flat_however_long_the_input_is() -> None:
    """Measured with 200,000 addresses; here are enough to see a leak of 5 kB for each."""
    with subprocess.Popen(  # noqa: S603 - our own words
        command("-f", "-", "--json"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        sizes = []
        for _ in range(10):
            process.stdin.write(b"127.0.0.1:9\n" * 300)
            process.stdin.flush()
            for _ in range(300):
                assert process.stdout.readline()
            status = Path(f"/proc/{process.pid}/status").read_text()
            sizes.append(int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]))
        process.stdin.close()
        assert process.wait(timeout=10) == 1

    assert sizes[-1] <= 1.1 * sizes[0]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be waited for there")
def test_a_reader_who_pauses_makes_no_address_look_silent(
    server: peers.HttpServer, tmp_path: Path
) -> None:
    """More lines than a pipe holds; the reader comes when every deadline is long past."""
    file, padding = tmp_path / "list", "x" * 500
    words = ["--show-secrets", "--timeout", "1", "--limit", "20"]
    with peers.in_thread(peers.raw(b"HTTP/1.1 204 \r\n\r\n", delay=0.3)) as slow:
        file.write_text(f"{server.url}?{padding}\n{server.url}?{padding}\n{slow.url}\n" * 100)
        with subprocess.Popen(  # noqa: S603 - our own words
            command("-f", str(file), *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            time.sleep(3)
            out, _ = process.communicate(timeout=30)

    assert len(out.splitlines()) == 300
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_where_few_files_may_be_open_it_says_so_and_goes_on(
    here: Here, server: peers.HttpServer
) -> None:
    with descriptors(60):
        done = here("--limit", "500", server.url)

    assert done.code == 0
    assert re.match(r"tryconnect: limit=500 is lowered to \d+: this process may open", done.err)


# --- JSON


def objects(done: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def test_json_is_as_its_schema_says(
    here: Here,
    server: peers.HttpServer,
    closed: peers.Peer,
    monkeypatch: pytest.MonkeyPatch,
    ca_file: Path,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    schema = json.loads(SCHEMA.read_text("utf-8"))
    with peers.in_thread(peers.http_server(tls=peers.server_context())) as secure:
        words = [
            *(server.url, server.at("/redirect/3"), server.at("/loop"), server.address),
            *(secure.url, closed.url, "http://h:99999", "http://[", "tcp://x", "unix:///none"),
        ]
        done = here("--json", *words)

    told = objects(done)
    assert (done.code, len(told)) == (1, 10)
    assert {each["reason"] for each in told} >= {"ok", "refused", "invalid_address"}
    assert any(each["tls"] for each in told)
    for each in told:
        jsonschema.validate(each, schema, format_checker=jsonschema.FormatChecker())
        assert list(each) == [*schema["properties"]]
        assert each["address"].startswith(words[each["index"]][:20])
        assert list(each["timings"]) == list(schema["properties"]["timings"]["properties"])


def test_a_schema_that_is_broken_is_heard_of() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": 2}, schema)


def test_the_page_lists_the_keys_of_the_schema_in_order() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))

    assert re.findall(r"^``(\w+)``  ", PAGE, re.MULTILINE) == list(schema["properties"])


def test_json_keeps_secrets_unless_told(here: Here, closed: peers.Peer) -> None:
    address = f"http://me:s3cret@{closed.address}/?token=s3cret"

    hidden = here("--json", address)
    shown = here("--json", "--show-secrets", address)

    assert "s3cret" not in hidden.out
    assert objects(hidden)[0]["address"] == f"http://me:***@{closed.address}/?token=***"
    assert objects(shown)[0]["address"] == address


def test_lines_keep_secrets_unless_told(here: Here, closed: peers.Peer) -> None:
    address = f"http://me:s3cret@{closed.address}/?token=s3cret"

    assert "s3cret" not in here(address).out
    assert addresses_of(here("--show-secrets", address).out) == [address]


def test_json_is_ascii_whatever_comes(here: Here) -> None:
    done = here("--json", "http://日本:99999/\x1b[2J\x7f\u202e\udcff")

    assert done.out.isascii()
    assert not obeyed(done.out)
    assert objects(done)[0]["address"] == "http://日本:99999/\x1b[2J\x7f\u202e\\xff"


# --- options


def test_what_is_no_address_has_its_report_whatever_is_expected(here: Here) -> None:
    done = here("--expect", "204", "http://h:99999/")

    assert done.code == 1
    assert done.out.startswith("invalid_address ")
    assert "99999/\n             ^^^^^" in done.err


def test_the_body_can_be_expected(here: Here, server: peers.HttpServer) -> None:
    assert here("--expect-body", "ell", server.url).code == 0
    assert here("--expect-body", "hell no", server.url).out.startswith("body ")
    assert here("--expect-body", "", "--expect", "204", server.at("/status/204")).code == 0


EXPECTING = [
    (["--within", "10s"], "ok"),
    (["--within", "1ns"], 2),
    (["--within", ".001ms"], "slow"),
    (["--expect-pattern", "^h.llo$"], "ok"),
    (["--expect-pattern", "^ello"], "body"),
    (["--expect-pattern", "("], 2),
    (["--expect-header", "Content-Type: text/"], "ok"),
    (["--expect-header", "content-type:"], "ok"),
    (["--expect-header", "Content-Type: image"], "body"),
    (["--expect-header", "X-None:"], "body"),
    (["--expect-header", "none"], 2),
    (["--expect", "any", "--max-redirects", "3"], "ok"),
    (["--method", "head"], "ok"),
    (["--method", "HEAD", "--expect-body", "x"], 2),
    (["--method", "POST"], 2),
    (["--cert-days", "14"], "ok"),  # it has no certificate
    (["--cert-days", "soon"], 2),
]


@pytest.mark.parametrize(("words", "outcome"), EXPECTING)
def test_more_can_be_expected(
    here: Here, server: peers.HttpServer, words: list[str], outcome: str | int
) -> None:
    done = here(*words, server.url)

    assert (done.out.split()[0] if done.out else done.code) == outcome


def test_a_redirect_can_be_asked_for_itself(here: Here, server: peers.HttpServer) -> None:
    assert here("--expect", "302", "--max-redirects", "0", server.at("/redirect/1")).code == 0
    assert here("--expect", "302", server.at("/redirect/1")).code == 1


def test_a_head_is_asked_for(here: Here, server: peers.HttpServer) -> None:
    server.requests.clear()

    here("--method", "HEAD", server.url)

    assert server.requests[0].startswith(b"HEAD / ")


def test_what_is_expected_of_a_list_holds_for_those_that_it_applies_to(
    here: Here, server: peers.HttpServer, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text(f"{server.at('/status/404')}\ntcp://{server.address}\n")

    done = here("--expect", "2xx", "-f", str(tmp_path / "list"), "--format", "json")

    found = {told["index"]: told["reason"] for told in map(json.loads, done.out.splitlines())}
    assert found == {0: "status", 1: "ok"}


def test_an_ending_certificate(here: Here, monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with peers.in_thread(peers.http_server(tls=peers.server_context())) as secure:
        assert here("--cert-days", "1", secure.url).code == 0
        assert here("--cert-days", "999999", secure.url).out.startswith("cert_expiring ")
        assert here("-k", "--cert-days", "999999", secure.url).out.startswith("cert_expiring ")
        assert here("--cert-days", "999999", f"tcp://{secure.address}").code == 2


# --- how to connect


def test_the_authorities_can_be_given(here: Here, ca_file: Path) -> None:
    with peers.in_thread(peers.http_server(tls=peers.server_context())) as secure:
        assert here("--cacert", str(ca_file), secure.url).code == 0


@pytest.mark.slow
def test_a_certificate_can_be_shown(here: Here, ca_file: Path, tmp_path: Path) -> None:
    """Its key may be in the same file, or in another."""
    shown = authority().issue_cert("me@good.test")
    both, cert, key = (tmp_path / name for name in ("both.pem", "cert.pem", "key.pem"))
    shown.private_key_and_cert_chain_pem.write_to_path(both)
    shown.cert_chain_pems[0].write_to_path(cert)
    shown.private_key_pem.write_to_path(key)
    with peers.in_thread(peers.tls_server("client_certificate_demanded")) as secure:
        words = "--cacert", str(ca_file), secure.url
        assert here("--cert", str(both), *words).code == 0
        assert here("--cert", str(cert), "--key", str(key), *words).code == 0
        assert "wants a client certificate" in here(*words).out
        assert here("--cert", str(cert), *words).code != 0  # without its key


def test_a_host_can_be_given_another_place(here: Here, server: peers.HttpServer) -> None:
    address = f"http://nowhere.test:{server.port}/"
    server.requests.clear()

    assert here("--resolve", f"nowhere.test:{server.port}:127.0.0.1", address).code == 0
    assert f"Host: nowhere.test:{server.port}".encode() in server.requests[0]


def test_the_user_agent_can_be_given(here: Here, server: peers.HttpServer) -> None:
    server.requests.clear()

    here("--user-agent", "nagger/2", server.url)

    assert b"User-Agent: nagger/2\r\n" in server.requests[0]


def test_a_proxy_can_be_given(here: Here, server: peers.HttpServer, closed: peers.Peer) -> None:
    assert here("--proxy", closed.url, server.url).out.startswith("proxy ")


CONNECTING_WRONG = [
    ["--key", "none.pem"],
    ["--cert", "none.pem"],
    ["--cacert", "none.pem"],
    ["--resolve", "h:1"],
    ["--resolve", "h:80:not-an-ip"],
    ["--resolve", "h:port:127.0.0.1"],
    ["--proxy", "http://h:1", "--no-proxy"],
    ["--proxy", "ftp://h"],
    ["--proxy", ""],
    ["--guard", "--proxy", "http://h:1"],
    ["--user-agent", "a\nb"],
]


@pytest.mark.parametrize("words", CONNECTING_WRONG)
def test_how_to_connect_may_make_no_sense(here: Here, words: list[str]) -> None:
    done = here(*words, "127.0.0.1:9")

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


PLACES = [
    ("h:80:127.0.0.1", ("h:80", ["127.0.0.1"])),
    ("h:80:127.0.0.1,[::1]", ("h:80", ["127.0.0.1", "::1"])),
    ("h:80:::1", ("h:80", ["::1"])),
    ("[::1]:80:127.0.0.1", ("[::1]:80", ["127.0.0.1"])),
]


@pytest.mark.parametrize(("text", "place"), PLACES)
def test_a_place_is_read_as_by_curl(text: str, place: tuple[str, list[str]]) -> None:
    assert _place(text) == place


# --- CSV


def test_csv_has_a_head_and_a_line_for_each(
    here: Here, server: peers.HttpServer, closed: peers.Peer
) -> None:
    done = here("--format", "csv", server.url, closed.url, "=1+1", 'http://"q,/')

    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["index"] for row in rows] == list("0123")
    assert [row["ok"] for row in rows] == ["true", "false", "false", "false"]
    assert [row["address"] for row in rows] == [server.url, closed.url, "'=1+1", 'http://"q,/']
    assert rows[0]["status"] == "200"
    assert float(rows[0]["total"]) > 0
    assert datetime.fromisoformat(rows[1]["time"]).tzinfo is not None
    assert all(None not in row and None not in row.values() for row in rows)


def test_headers_are_sent(here: Here, server: peers.HttpServer) -> None:
    server.requests.clear()

    done = here("-H", "X-One: 1", "--header", "User-Agent:nagger/1", server.url)

    assert done.code == 0
    assert b"X-One: 1\r\n" in server.requests[0]
    assert b"User-Agent: nagger/1\r\n" in server.requests[0]


@pytest.mark.parametrize("header", ["X-One", "X One: 1", "X: \udcff", ": 1"])
def test_a_header_that_cannot_be_sent_is_wrong_usage(here: Here, header: str) -> None:
    assert here("-H", header, "127.0.0.1:9").code == 2


def test_a_certificate_that_nobody_trusts(here: Here) -> None:
    with peers.in_thread(peers.http_server(tls=peers.server_context())) as secure:
        assert here(secure.url).out.startswith("tls_certificate ")
        assert here("-k", secure.url).code == 0
        assert here("--insecure", secure.url).code == 0


def test_the_guard_lets_nothing_connect_to_this_machine(
    here: Here, server: peers.HttpServer
) -> None:
    assert here("--guard", server.url).out.startswith("blocked ")


def test_a_family_of_addresses(here: Here, server: peers.HttpServer) -> None:
    assert here("--ipv4", server.url).code == 0
    assert here("--ipv6", server.url).code == 1
    assert here("--ipv4", "--ipv6", server.url).code == 2


def test_the_proxies_of_the_environment_can_be_ignored(
    here: Here, server: peers.HttpServer, closed: peers.Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", closed.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert here(server.url).out.startswith("proxy ")
    assert here("--no-proxy", server.url).code == 0


@pytest.mark.slow
def test_one_host_is_not_flooded(here: Here, tmp_path: Path) -> None:
    with peers.in_thread(peers.raw(delay=0.1)) as slow:
        (tmp_path / "list").write_text(f"{slow.url}\n" * 5)
        started = time.monotonic()

        assert here("-f", str(tmp_path / "list"), "--per-host", "1").code == 1 - 1
        assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize("words", [["--limit", "0"], ["--per-host", "0"], ["--limit", "x"]])
def test_a_limit_that_makes_no_sense_is_wrong_usage(here: Here, words: list[str]) -> None:
    assert here(*words, "127.0.0.1:9").code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are text there")
def test_an_argument_that_is_no_text_is_a_report() -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        [os.fsencode(word) for word in command()] + [b"http://127.0.0.1:9/\xff"],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.startswith(rb"invalid_address     http://127.0.0.1:9/\xff  ")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no sh")
def test_the_process_ends_in_order_when_its_reader_has_left() -> None:
    """It crashed here two times of three while the collector's objects were frozen."""
    line = f"({ENDLESS}) | {{ {' '.join(command('-f', '-'))}; echo $? >&2; }} | head -n 300"
    for _ in range(5):
        done = subprocess.run(["sh", "-c", line], capture_output=True, check=False, timeout=60)  # noqa: S603, S607
        assert done.stderr == BROKEN_PIPE + b"74\n"
