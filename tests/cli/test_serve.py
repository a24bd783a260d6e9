"""``tryconnect serve``: a server in a process of its own, and the words that start it."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web

from tests.web.serving import problem, serving, until
from tryconnect import cli
from tryconnect import testing as peers
from tryconnect.cli import serve
from tryconnect.testing.certificates import authority
from tryconnect.web._server_tls import Certificate

pytestmark = pytest.mark.slow


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The last line of what a wrong usage is told."""
    with pytest.raises(SystemExit) as left:
        cli.main(["serve", "--port", "0", *words])
    assert left.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


# --- who may reach it


def test_off_loopback_it_wants_to_know_who_may_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys, "--host", "0.0.0.0") == (  # noqa: S104
        "tryconnect serve: error: other machines can reach 0.0.0.0: give a --token-file with what "
        "they must send, or --open to require none"
    )


@pytest.mark.parametrize("name", ["inside.localhost", "localhost.test"])
@pytest.mark.parametrize(("address", "local"), [("127.0.0.1", True), ("0.0.0.0", False)])  # noqa: S104
def test_a_name_is_judged_by_the_address_that_it_leads_to(
    name: str,
    address: str,
    local: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [info])
    monkeypatch.setattr("tryconnect.cli.serve._serve", _nothing)

    if local:
        assert cli.main(["serve", "--port", "0", "--host", name]) == 0
    else:
        assert f"other machines can reach {name}" in complaint(capsys, "--host", name)


async def _nothing(*_: object) -> None:
    """Serve nobody."""


async def test_all_addresses_of_a_name_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    if not peers.ipv6_loopback():
        pytest.skip("no IPv6 here")
    infos = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),  # not this machine's
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)

    bound = serve._bound("twofold.test", 0)

    with bound[0], bound[1]:
        assert [sock.getsockname()[0] for sock in bound] == ["127.0.0.1", "::1"]
        assert len({sock.getsockname()[1] for sock in bound}) == 1


@pytest.mark.parametrize(("system", "taken"), [("posix", True), ("nt", False)])
def test_a_port_just_left_is_taken_where_that_lets_no_two_servers_have_one(
    system: str,
    taken: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "os", SimpleNamespace(name=system))
    with socket.socket() as sock:
        serve._bind(sock, ("127.0.0.1", 0))
        assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)) is taken


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--token-file", "/nowhere"], "/nowhere: No such file or directory"),
        (["--token-file", "/dev/null"], "/dev/null: there is no token in it"),
        (["--tls-key", "key.pem"], "--tls-key needs a --tls-cert"),
        (["--tls-cert", "/nowhere"], "cannot use /nowhere for TLS: No such file or directory"),
        (["--tls-cert", "/dev/null"], "cannot use /dev/null for TLS: "),
        (["--check-config", "/nowhere"], "/nowhere: No such file or directory"),
        (["--limit", "0"], "limit is a whole number above 0"),
        (["--port", "65536"], "a port is a number from 0 to 65535, not '65536'"),
        (["--port=-1"], "a port is a number from 0 to 65535, not '-1'"),
    ],
)
def test_options_that_make_no_sense(
    words: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fault in complaint(capsys, *words)


def test_open_and_a_token_exclude_each_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRYCONNECT_TOKEN", "x")

    assert "--open and a token exclude each other" in complaint(capsys, "--open")


@pytest.mark.parametrize("token", ["a b", "schlüssel"])
def test_a_token_that_makes_no_sense(
    token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text(token, "utf-8")

    assert "a token is one word" in complaint(capsys, "--token-file", str(file))


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code = cli.main(["serve", "--port", str(taken.getsockname()[1])])

    assert code == 1
    assert "Address already in use" in capsys.readouterr().err


def test_a_host_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["serve", "--host", "[::1", "--open", "--port", "0"])

    assert code == 1
    assert capsys.readouterr().err.startswith("tryconnect: cannot listen on [::1: ")


def test_without_its_extra_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['prometheus_client'] = None; from tryconnect.cli import main; "
        "sys.exit(main(['serve']))"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "tryconnect: the probe server needs prometheus-client: pip install 'tryconnect[serve]'\n",
    )


# --- it runs


async def test_on_loopback_it_checks_all_addresses(http_server: peers.HttpServer) -> None:
    async with serving() as served, aiohttp.ClientSession(served.url) as session:
        async with session.get("/api/check", params={"address": http_server.url}) as response:
            assert (await response.json())["ok"]
        async with session.get("/api/targets", headers={"Host": "rebound.example"}) as response:
            assert await problem(response, 421)
    assert served.url.startswith("http://127.0.0.1:")


async def test_open_it_is_guarded_and_answers_to_any_name(http_server: peers.HttpServer) -> None:
    async with serving("--host", "0.0.0.0", "--open") as served:  # noqa: S104
        url = served.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        async with aiohttp.ClientSession(url) as session:
            asked = {"address": http_server.url}
            named = {"Host": "probe.example"}
            async with session.get("/api/check", params=asked, headers=named) as response:
                assert (await response.json())["reason"] == "blocked"
    assert http_server.connections == 0


async def test_with_a_token_it_may_be_allowed_to_check_private_addresses(
    http_server: peers.HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRYCONNECT_TOKEN", "correct-horse")
    async with serving("--host", "0.0.0.0", "--allow-private") as served:  # noqa: S104
        url = served.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        async with aiohttp.ClientSession(url) as session:
            asked = {"address": http_server.url}
            async with session.get("/api/check", params=asked) as response:
                assert await problem(response, 401)
            session.headers["Authorization"] = "Bearer correct-horse"
            async with session.get("/api/check", params=asked) as response:
                assert (await response.json())["ok"]


@pytest.mark.parametrize("host", ["::1", "[::1]"])
async def test_an_ipv6_address_can_be_served_at(host: str) -> None:
    if not peers.ipv6_loopback():
        pytest.skip("no IPv6 here")
    async with (
        serving("--host", host) as served,
        aiohttp.ClientSession() as session,
        session.get(f"{served.url}healthz") as answer,
    ):
        assert answer.status == 200
    assert served.url.startswith("http://[::1]:")


@pytest.mark.parametrize("host", ["::", "[::]"])
async def test_every_address_of_ipv6_is_every_address_of_ipv4_too(host: str) -> None:
    if not (peers.ipv6_loopback() and socket.has_dualstack_ipv6()):
        pytest.skip("no IPv6 here, or nothing but")
    async with serving("--host", host, "--open") as served, aiohttp.ClientSession() as session:
        assert served.url.startswith("http://[::]:")
        for name in ("[::1]", "127.0.0.1"):
            async with session.get(f"{served.url.replace('[::]', name)}healthz") as answer:
                assert answer.status == 200


async def test_the_page_and_its_files_are_served() -> None:
    kinds = {"": "text/html", "page/page.css": "text/css", "page/icon.svg": "image/svg+xml"}
    async with serving() as served, aiohttp.ClientSession() as session:
        for path, kind in kinds.items():
            async with session.get(served.url + path) as response:
                assert (response.status, response.content_type) == (200, kind)
                assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        async with session.get(f"{served.url}page/page.js") as response:
            assert response.content_type in {"text/javascript", "application/javascript"}
        for path in ("page/", "page/..%2f_app.py", "page/nothing"):
            async with session.get(served.url + path) as response:
                assert await problem(response, 404)


@pytest.mark.wants(module="hatchling")
def test_the_page_is_in_the_wheel(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    build = ("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    subprocess.run([sys.executable, *build], cwd=root, check=True, capture_output=True)  # noqa: S603

    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        found = [name for name in archive.namelist() if name.startswith("tryconnect/web/page/")]
    assert sorted(name.rpartition("/")[2] for name in found) == [
        *("chart.js", "icon.svg", "index.html", "page.css", "page.js", "words.js")
    ]


# --- its end


async def test_a_check_under_way_is_finished_before_the_end() -> None:
    async with (
        peers.raw(delay=0.7) as slow,
        serving() as served,
        aiohttp.ClientSession(served.url) as session,
    ):
        asked = asyncio.create_task(session.get(f"/api/check?address={slow.url}"))
        await until(lambda: slow.requests)
        served.end()

        async with await asked as response:
            assert (await response.json())["ok"]


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
async def test_nobody_holds_up_the_end_for_more_than_five_seconds(word: signal.Signals) -> None:
    async with (
        peers.silent() as silent,
        serving() as served,
        aiohttp.ClientSession(served.url) as session,
    ):
        listening = await session.get("/api/events")
        asked = asyncio.create_task(session.get(f"/api/check?address={silent.url}&timeout=60"))
        await until(lambda: silent.requests)
        started = time.monotonic()
        served.end(word)
        assert await listening.read() == b"event: targets\ndata: []\n\n"
        assert time.monotonic() - started < 4

        with pytest.raises(aiohttp.ClientError):
            await asked
        assert 4 < time.monotonic() - started < 8


async def test_a_renewed_certificate_that_is_broken_is_logged_and_the_good_one_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "both.pem"
    authority().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    certificate = Certificate(file, None)
    before = certificate.context
    file.unlink()

    await serve._reload(web.Application(), certificate)

    (message,) = caplog.messages
    assert message == (
        f"the certificate is kept: cannot use {file} for TLS: No such file or directory"
    )
    assert certificate.context is before
