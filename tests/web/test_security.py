"""Who may ask the probe server, and what a browser may do with the answers."""

from base64 import b64encode

import pytest

from tests.web.serving import asking, problem, unguarded
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
    "Basic !!!",
    "Basic /w==",
    "Bearer schlüssel",
    "Bearer \udcff",
]


@pytest.mark.parametrize("authorization", GOOD)
async def test_the_token_is_taken_in_two_forms(authorization: str) -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        response = await asker.get("/api/targets", headers={"Authorization": authorization})

        assert response.status == 200


@pytest.mark.parametrize("authorization", BAD)
async def test_a_wrong_token_is_refused(authorization: str) -> None:
    async with asking(unguarded(token=TOKEN)) as asker:
        headers = {
            "Authorization": authorization.encode("utf-8", "surrogateescape").decode("latin-1")
        }
        response = await asker.get("/api/targets", headers=headers)

        assert await problem(response, 401)
        assert TOKEN not in await response.text()


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

        assert (response.status, await response.json()) == (200, {"status": "ok"})


# --- browsers


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/targets", "/x", "/probe"])
async def test_every_answer_is_hardened(path: str) -> None:
    async with asking(unguarded()) as asker:
        response = await asker.get(path)

        assert dict(response.headers).items() >= HEADERS.items()
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers.getall("Server") == ["tryconnect"]


def test_the_policy_allows_nothing_inline_and_no_other_place() -> None:
    directives = dict(
        part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";")
    )

    assert directives["default-src"] == "'none'"
    assert set(directives.values()) == {"'none'", "'self'", "'script'"}


FETCHES = {
    ("cross-site", "no-cors", "/api/check?address=::::"): 403,
    ("cross-site", "cors", "/api/targets"): 403,
    # A link to a check would have it made.
    ("cross-site", "navigate", "/api/check?address=::::"): 403,
    ("cross-site", "navigate", "/probe?target=::::"): 403,
    ("cross-site", "navigate", "/"): 200,
    ("cross-site", "no-cors", "/"): 403,
    ("same-origin", "cors", "/api/check?address=::::"): 200,
    ("same-site", "cors", "/api/check?address=::::"): 200,
    ("none", "navigate", "/api/check?address=::::"): 200,
}


@pytest.mark.parametrize(("fetch", "status"), FETCHES.items())
async def test_another_sites_page_may_not_ask(fetch: tuple[str, str, str], status: int) -> None:
    site, mode, path = fetch
    async with asking(unguarded()) as asker:
        response = await asker.get(path, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})

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
