"""Frames and readers on other sites: none, unless they were named."""

import pytest

from tests.web.serving import asking, problem, unguarded
from tryconnect.web import WatchedTarget
from tryconnect.web._embedding import origins

WALL = "https://wall.test:8443"
TOKEN = "secret"  # noqa: S105

FOREIGN = {"Origin": WALL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}

PATHS = ("/api/targets", "/api/targets/a", "/healthz", "/metrics", "/api/targets/a/history")


async def test_by_default_no_page_of_another_site_frames_or_reads_anything() -> None:
    async with asking(unguarded([WatchedTarget(name="a", address="h", every=99)])) as asker:
        page = await asker.get("/")
        for path in PATHS:
            await problem(await asker.get(path, headers=FOREIGN), 403)

    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in page.headers


async def test_an_origin_that_was_named_reads_what_is_watched() -> None:
    targets = [WatchedTarget(name="a", address="h", every=99)]
    async with asking(unguarded(targets, cors_origins=[WALL.upper()])) as asker:
        for path in PATHS:
            response = await asker.get(path, headers=FOREIGN)
            assert response.status == (404 if path.endswith("history") else 200)
            assert response.headers["Access-Control-Allow-Origin"] == WALL
            assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert response.headers["Vary"] == "Origin"
        async with asker.get("/api/events", headers=FOREIGN) as stream:
            assert stream.headers["Access-Control-Allow-Origin"] == WALL
            assert await stream.content.readline() == b"event: targets\n"
        own = await asker.get("/api/targets")
        assert "Access-Control-Allow-Origin" not in own.headers


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/api/check?address=h", WALL),
        ("/probe?target=h", WALL),
        ("/page/page.js", WALL),
        ("/api/targets", "https://other.test"),
        ("/api/targets", f"{WALL}.evil.test"),
        ("/api/targets", "null"),
    ],
)
async def test_it_may_have_nothing_checked_and_others_may_nothing(path: str, origin: str) -> None:
    async with asking(unguarded(cors_origins=[WALL])) as asker:
        response = await asker.get(path, headers=FOREIGN | {"Origin": origin})
        await problem(response, 403)

    assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_token_is_needed_all_the_same_and_may_be_sent() -> None:
    async with asking(unguarded(cors_origins=[WALL], token=TOKEN)) as asker:
        asks = await asker.options(
            "/api/targets", headers=FOREIGN | {"Access-Control-Request-Headers": "authorization"}
        )
        without = await asker.get("/api/targets", headers=FOREIGN)
        bearer = FOREIGN | {"Authorization": f"Bearer {TOKEN}"}
        with_it = await asker.get("/api/targets", headers=bearer)
        await problem(without, 401)

    assert (asks.status, asks.headers["Access-Control-Allow-Headers"]) == (204, "Authorization")
    assert asks.headers["Access-Control-Allow-Origin"] == WALL
    assert with_it.status == 200


async def test_an_origin_that_was_named_frames_the_page() -> None:
    async with asking(unguarded(frame_ancestors=[WALL, "http://127.0.0.1:3000"])) as asker:
        page = await asker.get("/")

    policy = page.headers["Content-Security-Policy"]
    assert f"frame-ancestors 'self' {WALL} http://127.0.0.1:3000;" in policy
    assert "script-src 'self'" in policy
    assert "X-Frame-Options" not in page.headers


async def test_a_title_is_text() -> None:
    async with asking(unguarded(title="<b>R & D</b>")) as asker:
        page = await (await asker.get("/")).text()

    assert page.count("&lt;b&gt;R &amp; D&lt;/b&gt;") == 2
    assert "<b>" not in page


@pytest.mark.parametrize(
    "text",
    [
        *("*", "", "null", "wall.test", "https://wall.test/", "https://wall.test/path"),
        *("javascript://x", "https://a.test; script-src *", "https://a.test https://b.test"),
        *("'self'", "https://*.test", "https://me@a.test", "https://a.test:x"),
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^an origin looks like https://wall\.example\.com, not "):
        origins([text])
