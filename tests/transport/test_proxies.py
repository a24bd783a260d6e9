"""Proxies: which address goes through which, and whose fault it is when one does not."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from yarl import URL

import tryconnect
from tests.support.event_loops import on_each_loop
from tryconnect import Client, Reason, Report
from tryconnect import testing as peers
from tryconnect._address.target import parse
from tryconnect._model.faults import ProxyUnusable
from tryconnect._transport.proxies import Proxies, _is_exempt, _may_name_any
from tryconnect._transport.resolver import Resolver

SHORT = 0.15
"""A deadline that is meant to pass."""

SECRET = "s3cret"  # noqa: S105 - nobody's password
DEAD = "http://127.0.0.1:1"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
NAMES = {"good.test": "127.0.0.1", "www.good.test": "127.0.0.1"}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "request_method"):
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)


@pytest.fixture
async def proxy() -> AsyncIterator[peers.Proxy]:
    async with peers.proxy(hosts=NAMES) as server:
        yield server


@contextlib.asynccontextmanager
async def opened(proxy: str | URL | None = "env") -> AsyncIterator[Client]:
    """A client that finds the names without a proxy too, and trusts the peers."""
    async with peers.dns_server({name: [ip] for name, ip in NAMES.items()}) as dns:
        names = Resolver(**dns.resolver_arguments)
        try:
            async with Client(ssl=peers.trusting(), resolver=names, proxy=proxy) as client:
                yield client
        finally:
            await names.close()


async def probed(address: str, *, proxy: str | URL | None = "env", timeout: float = 5.0) -> Report:
    async with opened(proxy) as client:
        return await client.probe(address, timeout=timeout)


# --- which proxy


class Choice(NamedTuple):
    """Variables (PROXY: the proxy's URL, HOST: its host and port), and who is asked through it."""

    variables: dict[str, str]
    http: bool
    https: bool


CHOICES = [
    Choice({}, http=False, https=False),
    Choice({"HTTP_PROXY": "PROXY"}, http=True, https=False),
    Choice({"HTTPS_PROXY": "PROXY"}, http=False, https=True),
    Choice({"ALL_PROXY": "PROXY"}, http=True, https=True),
    Choice({"http_proxy": "PROXY"}, http=True, https=False),
    Choice({"https_proxy": "PROXY"}, http=False, https=True),
    Choice({"all_proxy": "PROXY"}, http=True, https=True),
    Choice({"HTTP_PROXY": "HOST"}, http=True, https=False),
    Choice({"HTTPS_PROXY": "HOST", "http_proxy": ""}, http=False, https=True),
    Choice({"ALL_PROXY": DEAD, "HTTP_PROXY": "PROXY"}, http=True, https=False),
    Choice({"HTTP_PROXY": DEAD, "http_proxy": "PROXY"}, http=True, https=False),
    Choice({"ALL_PROXY": "PROXY", "NO_PROXY": "*"}, http=False, https=False),
]


@on_each_loop
@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: " ".join(choice.variables) or "none")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_environment_chooses(
    scheme: str, choice: Choice, proxy: peers.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in choice.variables.items():
        monkeypatch.setenv(name, value.replace("PROXY", proxy.url).replace("HOST", proxy.address))
    context = peers.server_context() if scheme == "https" else None
    async with peers.http_server(tls=context) as server:
        proxied = choice.https if scheme == "https" else choice.http
        dead = not proxied and choice.variables.get("ALL_PROXY") == DEAD
        report = await probed(server.url)

        assert report.reason is (Reason.proxy if dead else Reason.ok)
        method, target = ("CONNECT", server.address) if scheme == "https" else ("GET", server.url)
    assert proxy.asked == ([(method, target)] if proxied else [])


async def test_without_variables_the_settings_of_windows_and_macos_are_asked(
    proxy: peers.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which proxy there is as the client opens, and who goes without at each check."""
    exempt: list[str] = []
    monkeypatch.setattr("tryconnect._transport.proxies._may_name_any", lambda: True)
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"http": proxy.url})
    monkeypatch.setattr("urllib.request.proxy_bypass", exempt.__contains__)
    async with peers.http_server() as server, opened() as client:
        assert await client.probe(server.url)
        exempt.append(server.address)
        assert await client.probe(server.url)

    assert proxy.asked == [("GET", server.url)]
    assert len(server.requests) == 2


EXEMPT = [
    ("127.0.0.1", "127.0.0.1", True),
    ("127.0.0.1:PORT", "127.0.0.1", True),
    ("127.0.0.1:1", "127.0.0.1", False),
    ("127.0.0.0/8", "127.0.0.1", True),
    ("10.0.0.0/8", "127.0.0.1", False),
    ("10.0.0.0/8, 127.0.0.1/32", "127.0.0.1", True),
    ("127.0.0.0/99", "127.0.0.1", False),
    ("good.test", "good.test", True),
    ("GOOD.test", "good.test", True),
    (".good.test", "www.good.test", True),
    ("good.test", "www.good.test", True),
    ("test", "good.test", True),
    ("od.test", "good.test", False),
    ("www.good.test", "good.test", False),
    ("good.test:PORT", "good.test", True),
    ("other.test , good.test", "good.test", True),
    ("127.0.0.1", "good.test", False),
    ("*", "good.test", True),
    ("", "good.test", False),
    (",", "good.test", False),
    ("::1", "[::1]", True),
    ("[::1]", "[::1]", True),
    ("::/64", "[::1]", True),
    ("fe80::/10", "[::1]", False),
    ("127.0.0.0/8", "[::1]", False),
    ("*", "[::1]", True),
    # As curl reads it.
    ("other.test good.test", "good.test", True),
    ("other.test   127.0.0.1", "127.0.0.1", True),
    ("other.test\tgood.test", "good.test", True),
    (" good.test ", "good.test", True),
    (" * ", "good.test", True),
    ("*,other.test", "good.test", False),
    ("good.test.", "good.test", True),
    ("good.test.", "www.good.test", True),
    (".good.test.", "www.good.test", True),
    (".good.test", "good.test", True),
    ("good.test.:PORT", "good.test", True),
    (",, ,good.test,", "good.test", True),
    ("*.good.test", "www.good.test", False),
    (".", "good.test", False),
    ("127.0.0.1.", "127.0.0.1", False),
    ("0.0.1", "127.0.0.1", False),
    ("127.0.0.0/255.0.0.0", "127.0.0.1", False),
    ("127.0.0.1/", "127.0.0.1", True),
    ("127.0.0.1/0", "127.0.0.1", True),
    ("127.0.0.0/0", "127.0.0.1", False),
    ("127.0.0.0/8:PORT", "127.0.0.1", True),
    ("[::1]:PORT", "[::1]", True),
    ("[::1]:1", "[::1]", False),
    ("0:0:0:0:0:0:0:1", "[::1]", True),
    ("[::]/64", "[::1]", True),
]


@pytest.mark.parametrize(("exempt", "host", "direct"), EXEMPT)
async def test_no_proxy_exempts(
    *, exempt: str, host: str, direct: bool, proxy: peers.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host == "[::1]" and not peers.ipv6_loopback():
        pytest.skip("this machine has no ::1")
    async with peers.http_server(host=host.strip("[]") if ":" in host else "127.0.0.1") as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exempt.replace("PORT", str(server.port)))

        report = await probed(f"http://{host}:{server.port}/")

    assert report.ok
    assert bool(proxy.asked) is not direct


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
async def test_only_http_goes_through_proxies(
    scheme: str, proxy: peers.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    async with peers.unix_server() as unix, peers.silent() as tcp:
        address = unix.url if scheme == "unix" else f"tcp://{tcp.address}"
        assert await probed(address)

    assert proxy.connections == 0


@pytest.mark.parametrize("form", [str, URL])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_clients_own_proxy_is_for_all(
    scheme: str,
    form: Callable[[str], str | URL],
    proxy: peers.Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The environment has no say then, not even by NO_PROXY."""
    monkeypatch.setenv("ALL_PROXY", DEAD)
    monkeypatch.setenv("NO_PROXY", "*")
    context = peers.server_context() if scheme == "https" else None
    async with peers.http_server(tls=context) as server:
        assert await probed(server.url, proxy=form(proxy.url))

    assert len(proxy.asked) == 1


async def test_a_client_without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", DEAD)
    async with peers.http_server() as server:
        assert await probed(server.url, proxy=None)
        assert (await probed(server.url)).reason is Reason.proxy


async def test_the_functions_obey_the_environment(
    proxy: peers.Proxy, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    assert await tryconnect.try_connect(http_server.url)
    assert await tryconnect.fetch_text(http_server.url) == "hello"

    assert proxy.asked == [("GET", http_server.url)] * 2


async def test_the_environment_is_read_when_the_client_opens(
    proxy: peers.Proxy, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    async with opened() as client:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert await client.probe(http_server.url)

    assert not proxy.asked


async def test_and_so_is_no_proxy(
    proxy: peers.Proxy, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    async with opened() as client:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert await client.probe(http_server.url)

    assert proxy.asked


@pytest.mark.parametrize(
    ("platform", "variable", "may"),
    [
        ("linux", "PATH", False),
        ("linux", "ftp_PROXY", True),
        ("win32", "PATH", True),
        ("darwin", "PATH", True),
    ],
)
def test_systems_with_settings_of_their_own_are_asked(
    *,
    platform: str,
    variable: str,
    may: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tryconnect._transport.proxies.os.environ", {variable: "x"})
    monkeypatch.setattr("tryconnect._transport.proxies.sys.platform", platform)

    assert _may_name_any() is may


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "exempt"),
    [
        ("good.test.", 80, "good.test", True),
        ("good.test.", 80, ".test.", True),
        ("GOOD.test", 80, "good.TEST", True),
        ("fe80::1%eth0", 80, "fe80::/10", True),
        ("xn--bcher-kva.test", 80, "xn--bcher-kva.test", True),
        ("good.test", 443, "good.test:80", False),
        ("127.0.0.1", 443, "127.0.0.1:443", True),
        ("10.1.2.3", 80, "10.0.0.5/8", True),
        ("11.1.2.3", 80, "10.0.0.5/8", False),
    ],
)
def test_these_forms_too(*, host: str, port: int, no_proxy: str, exempt: bool) -> None:
    assert _is_exempt(host, port, no_proxy) is exempt


# --- redirects


@pytest.mark.parametrize(
    ("exempt", "asked_for"), [("127.0.0.1", "good.test"), ("good.test", "127.0.0.1")]
)
async def test_each_hop_has_its_own_way(
    exempt: str,
    asked_for: str,
    proxy: peers.Proxy,
    http_server: peers.HttpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exempt)
    end = f"http://127.0.0.1:{http_server.port}/"
    start = f"http://good.test:{http_server.port}/redirect-to?location={end}"

    report = await probed(start)

    assert (report.reason, report.url) == (Reason.ok, end)
    assert [URL(asked.target).host for asked in proxy.asked] == [asked_for]


# --- passwords


@on_each_loop
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("auth", [("me", SECRET), ("m@e", f"{SECRET}:/")], ids=["plain", "escaped"])
async def test_a_password_in_the_proxys_url(*, auth: tuple[str, str], tls: bool) -> None:
    async with (
        peers.proxy(auth=auth) as proxy,
        peers.http_server(tls=peers.server_context() if tls else None) as server,
    ):
        url = URL(proxy.url).with_user(auth[0]).with_password(auth[1])
        report = await probed(server.url, proxy=str(url))

    assert report.ok
    assert SECRET not in repr(report)


@on_each_loop
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("auth", [None, ("me", "wrong")], ids=["none", "wrong"])
async def test_a_proxy_that_wants_a_password(*, auth: tuple[str, str] | None, tls: bool) -> None:
    async with (
        peers.proxy(auth=("me", SECRET)) as proxy,
        peers.http_server(tls=peers.server_context() if tls else None) as server,
    ):
        report = await probed(server.url, proxy=proxy.url_for(auth))

        assert not server.requests
    assert report.reason is Reason.proxy
    wants, accepts = "wants a user name and password (407)", "does not accept the user name and"
    assert (wants if auth is None else accepts) in report.detail
    assert proxy.address in report.detail


async def test_a_407_without_a_proxy_is_an_answer(http_server: peers.HttpServer) -> None:
    report = await probed(http_server.at("/status/407"))

    assert (report.reason, report.status) == (Reason.ok, 407)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:{}@127.0.0.1:1",
        "me:{}@127.0.0.1:1",
        "socks5://me:{}@127.0.0.1:1",
        "http://me:{}@[",
    ],
)
async def test_a_proxys_password_is_shown_nowhere(
    proxy: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ALL_PROXY", proxy.format(SECRET))

    report = await probed("http://127.0.0.1:7/")

    assert report.reason is Reason.proxy
    shown = [repr(report), report.detail, json.dumps(report.as_dict()), caplog.text]
    assert not [text for text in shown if SECRET in text]


@pytest.mark.parametrize("variable", ["HOME", "NETRC"])
@pytest.mark.parametrize("proxied", [False, True])
async def test_netrc_is_never_sent(
    *,
    variable: str,
    proxied: bool,
    proxy: peers.Proxy,
    http_server: peers.HttpServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\ndefault login me password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv(variable, str(tmp_path if variable == "HOME" else netrc))
    if proxied:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

    assert await probed(http_server.url)

    heads = [*http_server.requests, *proxy.requests]
    assert len(heads) == 1 + proxied
    assert not [head for head in heads if b"uthorization" in head]


# --- bad proxies


class Bad(NamedTuple):
    """What stands where a proxy should, and what is said for a target behind it."""

    name: str
    serve: Callable[[], AbstractAsyncContextManager[peers.Peer]]
    http: tuple[Reason, str]
    https: tuple[Reason, str]


UNREACHED = (Reason.proxy, "the proxy PROXY cannot be reached")
BAD = [
    Bad("dead", peers.closed_port, http=UNREACHED, https=UNREACHED),
    Bad(
        "silent",
        peers.silent,
        http=(Reason.proxy, "the proxy PROXY gave no answer for "),
        https=(Reason.proxy, "the proxy PROXY gave no answer for "),
    ),
    Bad(
        "refuses with 403",
        partial(peers.proxy, refuses=403),
        http=(Reason.ok, "answered 403"),  # whose answer it is cannot be told
        https=(Reason.proxy, "the proxy PROXY answered 403 when asked for good.test:7"),
    ),
    Bad(
        "does not reach the target",
        partial(peers.proxy, refuses=502),
        http=(Reason.ok, "answered 502"),
        https=(Reason.proxy, "the proxy PROXY answered 502 when asked for good.test:7"),
    ),
    Bad(
        "untrusted certificate",
        partial(peers.proxy, tls="unknown_ca"),
        http=UNREACHED,
        https=UNREACHED,
    ),
]


@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
async def test_a_bad_proxy(bad: Bad, scheme: str) -> None:
    reason, words = bad.https if scheme == "https" else bad.http
    async with bad.serve() as proxy:
        timeout = SHORT if bad.name == "silent" else 5.0
        report = await probed(f"{scheme}://good.test:7/", proxy=proxy.url, timeout=timeout)

        assert words.replace("PROXY", proxy.address) in report.detail
    assert report.reason is reason
    assert report.url == f"{scheme}://good.test:7/"


BROKEN: dict[str, Callable[[], AbstractAsyncContextManager[peers.Peer]]] = {
    "speaks SSH": partial(peers.raw, peers.REPLIES["ssh"]),
    "closes": peers.closes,
    "resets": peers.reset,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
async def test_a_proxy_that_breaks_before_the_tunnel_stands(name: str) -> None:
    async with BROKEN[name]() as proxy:
        report = await probed("https://good.test:7/", proxy=proxy.url)

    assert report.reason is Reason.proxy


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_untrusted_proxy_on_the_targets_own_machine(scheme: str) -> None:
    async with peers.proxy(tls="unknown_ca") as proxy:
        report = await probed(f"{scheme}://127.0.0.1:7/", proxy=proxy.url)

    assert report.reason is Reason.proxy


@pytest.mark.slow
@on_each_loop
@pytest.mark.parametrize("tls", [False, True])
async def test_a_proxy_over_tls(*, tls: bool) -> None:
    async with (
        peers.proxy(tls="good") as proxy,
        peers.http_server(tls=peers.server_context() if tls else None) as server,
    ):
        report = await probed(server.url, proxy=proxy.url)

    assert report.ok
    assert report.tls is not None


@pytest.mark.parametrize(
    "proxy",
    [
        "socks://127.0.0.1:1080",
        "socks6://127.0.0.1:1080",
        "ftp://127.0.0.1:21",
        "direct://",
        "http://",
        "http://[",
        "http://127.0.0.1:port",
        "://",
        "日本:語@127.0.0.1:1",
        "0\u3002xn--55555555555555550p",  # Punycode that overflows on Python 3.13
    ],
)
async def test_a_proxy_that_cannot_be_used(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)

    report = await probed("http://127.0.0.1:7/")

    assert report.reason is Reason.proxy
    assert "cannot be used: only http://, " in report.detail or "cannot be read" in report.detail


USABLE = {
    "proxy.test": "http://proxy.test",
    "proxy.test:3128": "http://proxy.test:3128",
    "https://me:word@proxy.test": "https://me:word@proxy.test",
    "socks5://proxy.test": "socks5://proxy.test:1080",
    "socks4a://proxy.test": "socks4a://proxy.test:1080",
    "socks5h://me:word@proxy.test:9": "socks5h://me:word@proxy.test:9",
    "socks5://m%3Ae:word@proxy.test": "socks5://m%3Ae:word@proxy.test:1080",
}


@pytest.mark.parametrize(("setting", "url"), USABLE.items())
def test_a_proxy_that_can_be_used(setting: str, url: str) -> None:
    assert str(Proxies(setting).choose(parse("http://good.test/"))) == url


UNUSABLE = {
    "socks6://proxy.test": (
        "the proxy socks6://proxy.test cannot be used: only http://, https://, socks4://, "
        "socks4a://, socks5://, socks5h:// can"
    ),
    "http://m%3Ae:word@proxy.test": (
        "the proxy http://***@proxy.test cannot be used: its user name has a colon in it"
    ),
    "http://[": "the proxy http://[ has an address that cannot be read",
}


@pytest.mark.parametrize(("setting", "fault"), UNUSABLE.items())
def test_why_a_proxy_cannot_be_used(setting: str, fault: str) -> None:
    with pytest.raises(ProxyUnusable) as raised:
        Proxies(setting).choose(parse("http://good.test/"))

    assert str(raised.value) == fault


def test_socks_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryconnect._transport.proxies.find_spec", lambda _: None)
    with pytest.raises(ProxyUnusable, match="cannot be used without python-socks: pip install"):
        Proxies("socks5://proxy.test").choose(parse("http://good.test/"))


async def test_faults_behind_the_proxy_are_the_targets(proxy: peers.Proxy) -> None:
    async with peers.tls_server("expired") as server:
        report = await probed(server.url, proxy=proxy.url)

        assert server.address in report.detail
    assert report.reason is Reason.tls_certificate


async def test_the_phases_behind_a_proxy(
    proxy: peers.Proxy, https_server: peers.HttpServer
) -> None:
    report = await probed(https_server.url, proxy=proxy.url)

    assert report.ip == "127.0.0.1"
    assert report.timings.dns is None
    assert report.timings.connect is not None
    assert report.timings.tls is not None
    assert report.timings.response is not None


SECRET_PROXIES = [
    "http://me:SECRET/w@127.0.0.1:3128",
    "http://me:SEC/SECRET@127.0.0.1:3128",
    "//u:SECRET@h",
    "http://u:SECRET@ho\u2100st:9",
    "http://us%3Aer:SECRET@127.0.0.1:3128",
]


@pytest.mark.parametrize("proxy", SECRET_PROXIES)
async def test_a_proxy_that_cannot_be_read_shows_no_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with caplog.at_level("DEBUG", logger="tryconnect"):
        report = await tryconnect.probe("http://good.test/")

    assert report.reason is Reason.proxy
    assert "SECRET" not in f"{report!r} {report.as_dict()} {caplog.text}"
