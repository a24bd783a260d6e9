"""Who may ask the probe server, and what a browser may do with the answers."""

import logging
import socket
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.web.serving import NOT_UTF8, ask, asking, problem, served_at, unguarded
from tryconnect import Client
from tryconnect import testing as peers
from tryconnect.web import probe_app
from tryconnect.web._reload import follow_file
from tryconnect.web._security import HEADERS, is_loopback

TOKEN = "correct-horse"  # noqa: S105 - a test's

PATHS = ["/", "/probe?target=::::", "/api/check?address=::::", "/api/targets", "/metrics", "/x"]


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


# --- the token


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_answered_without_the_token(path: str) -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        response = await asker.get(path)

        assert await problem(response, 401) == "the token is missing or wrong"
        assert response.headers["WWW-Authenticate"].startswith('Basic realm="tryconnect"')


GOOD = [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", basic(f":{TOKEN}"), basic(f"anna:{TOKEN}")]
BAD = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer correct-hors",
    "Bearer correct-horses",
    f"Token {TOKEN}",
    TOKEN,
    basic(TOKEN),
    basic(f"{TOKEN}:"),
    f"Basic {TOKEN}",
    "Basic !!!",
    basic(f":{TOKEN}") + "!",
    "Basic /w==",
    "Bearer schlüssel",
]


@pytest.mark.parametrize("authorization", GOOD)
async def test_the_token_is_taken_in_two_forms(authorization: str) -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        response = await asker.get("/api/targets", headers={"Authorization": authorization})

        assert response.status == 200


@pytest.mark.parametrize("authorization", BAD)
async def test_a_wrong_token_is_refused(authorization: str) -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        response = await asker.get("/api/targets", headers={"Authorization": authorization})

        assert await problem(response, 401)
        assert TOKEN not in await response.text()


@pytest.mark.slow
@pytest.mark.parametrize("authorization", NOT_UTF8)
async def test_a_token_that_is_no_text_is_refused(
    authorization: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    request = b"GET / HTTP/1.0\r\nAuthorization: %b\r\n\r\n" % authorization
    with caplog.at_level(logging.DEBUG):
        async with served_at(unguarded(token=TOKEN)) as address:
            answer = await ask(address, request)

    assert answer.split(b" ")[1] == b"401"
    assert len([record for record in caplog.records if record.name != "asyncio"]) <= 1


async def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare_digest(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr("hmac.compare_digest", compare_digest)
    async with asking(unguarded(token=TOKEN)) as asker:
        await asker.get("/api/targets", headers={"Authorization": "Bearer x"})

    assert compared == [(b"x", TOKEN.encode())]


async def test_whether_the_server_lives_is_told_without_the_token() -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        response = await asker.get("/healthz")

        told = {"status": "ok", "lateness_seconds": 0, "late_targets": 0}
        assert (response.status, await response.json()) == (200, told)


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_and_so_it_is_where_prometheus_servers_tell_it(path: str) -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        assert (await asker.get(path)).status == 200


async def test_a_reload_has_a_token_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text('[[target]]\nname = "a"\naddress = "tcp://127.0.0.1:1"\n', "utf-8")
    app = unguarded(token=TOKEN)
    follow_file(app, file, lambda _: None, token="own")  # noqa: S106 - a test's
    async with asking(app) as asker:
        response = await asker.post("/-/reload", headers={"Authorization": "Bearer own"})

        assert response.status == 200


# --- browsers


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/targets", "/x", "/probe"])
async def test_every_answer_is_hardened(path: str) -> None:
    async with asking(unguarded()) as asker:
        response = await asker.get(path)

        assert dict(response.headers).items() >= HEADERS.items()
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers.getall("Server") == ["tryconnect"]


def test_what_browsers_are_told_besides_the_policy() -> None:
    assert {name: value for name, value in HEADERS.items() if "Security" not in name} == {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Server": "tryconnect",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def test_the_policy_allows_nothing_inline_and_no_other_place() -> None:
    """Those of the lower half do not fall back on ``default-src``, and so are named."""
    policy = HEADERS["Content-Security-Policy"]

    assert dict(part.strip().split(" ", 1) for part in policy.split(";")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }


FETCHES = {
    ("cross-site", "no-cors", "/api/check?address=::::"): 403,
    ("cross-site", "cors", "/api/targets"): 403,
    # A link to a check would have it made.
    ("cross-site", "navigate", "/api/check?address=::::"): 403,
    ("cross-site", "navigate", "/probe?target=::::"): 403,
    ("cross-site", "navigate", "/"): 200,
    ("cross-site", "no-cors", "/"): 403,
    ("same-origin", "cors", "/api/check?address=::::"): 200,
    ("same-site", "cors", "/api/check?address=::::"): 403,  # another port, or a neighbour
    ("same-site", "navigate", "/"): 200,
    ("none", "navigate", "/api/check?address=::::"): 200,
}


@pytest.mark.parametrize(("fetch", "status"), FETCHES.items())
async def test_another_sites_page_may_not_ask(fetch: tuple[str, str, str], status: int) -> None:
    site, mode, path = fetch
    async with asking(unguarded()) as asker:
        response = await asker.get(path, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})

        assert response.status == status


ORIGINS = {
    "the same": ("http://h:9115", {}, 200),
    "in capitals": ("HTTP://H:9115", {}, 200),
    "none": ("null", {}, 403),
    "empty": ("", {}, 403),
    "another host": ("http://evil.test:9115", {}, 403),
    "another port": ("http://h:8000", {}, 403),
    "the usual port": ("http://h", {}, 403),
    "another scheme": ("https://h:9115", {}, 403),
    "a neighbour": ("http://a.h:9115", {}, 403),
    "behind a proxy with TLS": ("https://h:9115", {"X-Forwarded-Proto": "https"}, 200),
    "behind another one too": ("https://h:9115", {"X-Forwarded-Proto": " https , http"}, 200),
    "another behind it": ("http://h:9115", {"X-Forwarded-Proto": "https, http"}, 403),
    "a browser that says it is ours": ("null", {"Sec-Fetch-Site": "same-origin"}, 200),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("origin", "headers", "status"), ORIGINS.values(), ids=list(ORIGINS))
async def test_over_plain_http_other_origins_are_told_by_their_header(
    origin: str, headers: dict[str, str], status: int, method: str
) -> None:
    """Browsers send Sec-Fetch-Site to https and to loopback only."""
    async with asking(unguarded()) as asker:
        response = await asker.request(
            method,
            "/api/check" + "?address=::::" * (method == "GET"),
            headers={"Host": "h:9115", "Origin": origin, **headers},
            json=["::::"] if method == "POST" else None,
        )

        assert response.status == status


BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}
OURS = {"X-Tryconnect": "page"}
CHECKS = ["/api/check?address=::::", "/probe?target=::::"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        (BROWSER, 403),  # an image of any page's, over plain HTTP
        (BROWSER | OURS, 200),
        (BROWSER | {"Sec-Fetch-Site": "none"}, 200),  # typed
        (BROWSER | {"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
@pytest.mark.parametrize("path", CHECKS)
async def test_a_browser_asks_for_checks_from_our_page_only(
    headers: dict[str, str], status: int, path: str
) -> None:
    async with asking(unguarded()) as asker:
        assert (await asker.get(path, headers=headers)).status == status
        assert (await asker.get("/", headers=headers)).status == 200
        assert (await asker.get("/api/targets", headers=headers)).status == 200


async def test_nor_for_lists_of_checks() -> None:
    async with asking(unguarded()) as asker:
        for headers, status in (BROWSER, 403), (BROWSER | OURS, 200):
            response = await asker.post("/api/check", json=["::::"], headers=headers)
            assert response.status == status


@pytest.mark.parametrize(
    ("login", "headers", "status"),
    [
        (basic(f"a:{TOKEN}"), {}, 403),
        (basic(f"a:{TOKEN}"), BROWSER, 403),
        (basic(f"a:{TOKEN}"), OURS, 200),
        (basic(f"a:{TOKEN}"), {"Sec-Fetch-Site": "same-origin"}, 200),
        (basic(f"a:{TOKEN}"), {"Sec-Fetch-Site": "cross-site"} | OURS, 403),
        (f"Bearer {TOKEN}", {}, 200),
        (f"Bearer {TOKEN}", BROWSER, 200),  # no browser sends it by itself
    ],
)
@pytest.mark.parametrize("path", CHECKS)
async def test_with_a_password_a_check_needs_a_header_of_our_own(
    login: str, headers: dict[str, str], status: int, path: str
) -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        response = await asker.get(path, headers={"Authorization": login, **headers})

        assert response.status == status


HOSTS = {
    "localhost": True,
    "LOCALHOST.": True,
    "app.localhost": True,
    "127.0.0.1": True,
    "127.1.2.3": True,
    "[::1]": True,
    "[::1]:9115": True,
    "localhost:9115": True,
    "rebound.example": False,
    "rebound.example:9115": False,
    "localhost.example": False,
    "192.0.2.1": False,
    "[2001:db8::1]": False,
    "": False,
    "[": False,
    "a b": False,
}


@pytest.mark.parametrize(("host", "answered"), HOSTS.items(), ids=[*HOSTS])
async def test_a_local_server_answers_to_local_names_only(host: str, answered: bool) -> None:  # noqa: FBT001
    async with asking(unguarded(local=True)) as asker:
        response = await asker.get("/healthz", headers={"Host": host})

        if answered:
            assert response.status == 200
        else:
            assert await problem(response, 421) == "this server only accepts requests for localhost"


async def test_other_servers_answer_to_any_name() -> None:
    async with asking(unguarded()) as asker:
        response = await asker.get("/healthz", headers={"Host": "probe.example"})

        assert response.status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "a.localhost"])
def test_this_machine_is_told(host: str) -> None:
    assert is_loopback(host)


OTHERS = ["0.0.0.0", "::", "", "192.0.2.1", "example.com", "::ffff:1.1.1.1"]  # noqa: S104


@pytest.mark.parametrize("host", OTHERS)
def test_from_others(host: str) -> None:
    assert not is_loopback(host)


# --- the name of a virtual host


class Names:
    """Says that each name is this machine's, and keeps which ones it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[dict[str, Any]]:
        del family
        self.asked.append(host)
        return [{"host": "127.0.0.1", "port": port}]

    async def close(self) -> None:
        raise AssertionError("it is its owner's")


@pytest.mark.slow
async def test_the_connection_goes_to_the_target_whatever_the_name_and_redirects_elsewhere(
    http_server: peers.HttpServer,
) -> None:
    names, port = Names(), http_server.port
    elsewhere = f"http://other.test:{port}/status/200"
    http_server.pages["/"] = peers.CannedResponse(headers=(("Location", elsewhere),), status=302)
    client = Client(proxy=None, resolver=names)
    asked = {"target": f"http://target.test:{port}/", "hostname": "www.test"}
    async with asking(probe_app(client=client)) as asker:
        told = await (await asker.get("/probe", params=asked)).text()

    assert "probe_success 1.0" in told
    assert names.asked == ["target.test", "other.test"]
    assert b"Host: www.test\r\n" in http_server.requests[0]


@pytest.mark.slow
async def test_what_is_no_address_is_a_failed_probe_under_another_name_too() -> None:
    async with asking(unguarded()) as asker:
        response = await asker.get("/probe?target=http://h:99999/&hostname=www.test")

        assert response.status == 200
        told = await response.text()
        assert 'tryconnect_probe_reason{reason="invalid_address"} 1.0' in told
