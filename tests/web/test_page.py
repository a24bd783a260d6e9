"""The status page in a real browser: Chromium, without a screen."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import Browser, chromium
from tests.web.serving import Served, serving
from tryconnect import testing as peers

pytestmark = [
    pytest.mark.wants(program="chromium"),
    pytest.mark.wants(program="chromedriver"),
    pytest.mark.wants(module="selenium"),
]

PICTURE = Path(__file__).parent.parent.parent / "docs/_static/status-page.png"

EVIL = '<img src=x onerror="document.title = 1">'

TARGETS = """
[[target]]
name = "shop"
address = "{site}"
every = 0.2
expect = "2xx"

[[target]]
name = "accounts"
address = "{site}slow"
every = 0.2

[[target]]
name = "database"
address = "tcp://{nobody}"
every = 0.2

[[target]]
name = '{evil}'
address = "{hostile}"
every = 0.2
"""

MARKUP = b"<img src=x onerror='document.title = 1'><script>document.title = 2</script>\r\n\r\n"


class World:
    """The server, what it watches, and the window that looks at it."""

    def __init__(self, browser: Browser, served: Served, site: peers.HttpServer) -> None:
        self.browser = browser
        self.served = served
        self.site = site

    def set_down(self, *, down: bool) -> None:
        """Let the shop answer 503, or 200."""
        self.site.pages["/"] = peers.CannedResponse(b"", status=503 if down else 200)

    def target(self, name: str) -> Any:
        """What is to be seen of a target."""
        script = """
            const found = [...document.querySelectorAll(".target")]
                .find((each) => each.querySelector(".name").textContent === arguments[0]);
            return found && {
                state: found.dataset.state,
                word: found.querySelector(".word").textContent,
                detail: found.querySelector(".detail").textContent,
                good: found.querySelector(".good").getAttribute("d").split("M").length - 1,
                bad: found.querySelector(".bad").getAttribute("d").split("M").length - 1,
                strip: found.querySelector(".strip").getAttribute("aria-label"),
            };
        """
        return self.browser.ask(script, name)


@contextlib.asynccontextmanager
async def watched_world(folder: Path) -> AsyncIterator[tuple[Served, peers.HttpServer]]:
    async with (
        peers.http_server() as site,
        peers.closed_port() as nobody,
        peers.raw(MARKUP) as hostile,
    ):
        site.pages["/slow"] = peers.CannedResponse(b"")
        file = folder / "targets.toml"
        places = {"site": site.url, "nobody": nobody.address, "hostile": hostile.url, "evil": EVIL}
        # TOML's strings know no closing tag; the name of the evil one has no slash in it.
        file.write_text(TARGETS.format(**places), "utf-8")
        async with serving("--targets", str(file)) as served:
            yield served, site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as window:
        yield window


@pytest.fixture(scope="module")
def running(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with peers.in_thread(watched_world(tmp_path_factory.mktemp("world"))) as (served, site):
        yield World(browser, served, site)


@pytest.fixture
def world(running: World) -> Iterator[World]:
    """The world with everything as it was, and no word on the console at the end."""
    running.set_down(down=False)
    running.browser.open(running.served.url)
    running.browser.until(lambda: (running.target("shop") or {}).get("state") == "up")
    yield running
    assert running.browser.console() == []


@pytest.mark.slow
def test_targets_are_shown_with_state_reason_and_history(world: World) -> None:
    world.browser.until(lambda: world.target("shop")["good"] >= 5)
    world.browser.until(lambda: world.target("database")["bad"] >= 5)

    shop, database = world.target("shop"), world.target("database")
    assert (shop["state"], shop["word"], shop["detail"]) == ("up", "up", "")
    assert (database["state"], database["word"]) == ("down", "down")
    assert database["detail"].startswith("nothing listens at 127.0.0.1:")
    assert database["strip"].startswith("The last ")
    assert database["strip"].endswith(" failed")
    assert world.browser.text("#link") == "live"


def test_a_target_goes_down_and_up_before_ones_eyes(world: World) -> None:
    world.set_down(down=True)
    world.browser.until(lambda: world.target("shop")["state"] == "down")

    assert world.target("shop")["detail"] == "answered 503, where 2xx was expected"
    assert world.browser.text("#summary") == "3 of 4 targets are down"
    assert world.browser.driver.title == "3 of 4 targets are down · tryconnect"
    # Who listens to the page hears of it.
    news = world.browser.find("#news")
    assert news.get_attribute("role") == "status"
    said = news.get_attribute("textContent")
    assert said == "shop is down: answered 503, where 2xx was expected"

    world.set_down(down=False)
    world.browser.until(lambda: world.target("shop")["state"] == "up")

    assert world.browser.text("#summary") == "2 of 4 targets are down"


@pytest.mark.slow
def test_any_address_can_be_checked_by_keyboard_alone(world: World) -> None:
    tab, enter, space = "\ue004", "\ue007", " "  # as the WebDriver standard has them
    active = world.browser.driver.switch_to
    world.browser.find("body").send_keys(tab)
    order = []
    for _ in range(3):
        order.append(active.active_element.get_attribute("id") or active.active_element.text)
        active.active_element.send_keys(tab)
    assert order == ["address", "expect", "Check"]

    world.browser.find("#address").send_keys(world.site.at("/status/404"), enter)
    world.browser.until(lambda: "answered 404" in world.browser.text("#result"))
    assert world.browser.text("#result .word") == "yes"
    assert "status\n404" in world.browser.text("#result .facts")

    world.browser.find("#expect").send_keys("2xx")
    world.browser.find("button").send_keys(space)
    world.browser.until(lambda: "where 2xx was expected" in world.browser.text("#result"))
    assert world.browser.text("#result .word") == "no"
    assert world.browser.find("#result").get_attribute("role") == "status"


def test_what_is_no_address_is_pointed_at(world: World) -> None:
    world.browser.find("#address").send_keys("http://127.0.0.1:80443/\n")

    world.browser.until(lambda: world.browser.ask("return !!document.querySelector('.caret')"))
    assert "a port is a number from 1 to 65535" in world.browser.text("#result .detail")
    caret = world.browser.ask("return document.querySelector('.caret').textContent")
    assert caret.splitlines()[-1].strip() == "^^^^^"


def test_a_fault_of_the_question_is_told(world: World) -> None:
    world.browser.find("#address").send_keys("   \n")

    world.browser.until(lambda: "is missing" in world.browser.text("#result"))
    assert world.browser.text("#result .word") == "not checked"
    # The browser notes each answer above 399, whatever the page does with it.
    assert [line for line in world.browser.console() if "400 (Bad Request)" not in line] == []


def test_markup_in_names_answers_and_addresses_is_text(world: World) -> None:
    world.browser.until(lambda: world.target(EVIL)["bad"] >= 1)
    address = f"{world.site.url}{EVIL}"
    world.browser.find("#address").send_keys(f"{address}\n")
    world.browser.until(lambda: "answered" in world.browser.text("#result"))

    assert "<img" in world.target(EVIL)["detail"]
    assert EVIL.split("=", maxsplit=1)[0] in world.browser.text("#result .detail")
    assert world.browser.ask("return document.querySelectorAll('img, main script').length") == 0
    assert "targets are down" in world.browser.driver.title


def test_a_script_cannot_make_markup_of_text(world: World) -> None:
    """Neither may ours: the policy forbids it, whatever a later change of the page does."""
    script = "try { document.body.innerHTML = '<p>'; return 'made' } catch (e) { return e.name }"

    assert world.browser.ask(script) == "TypeError"
    assert any("TrustedHTML" in line for line in world.browser.console())


CONTRASTS = """
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const numbers = (color) => color.match(/[0-9.]+/g).map(Number);
    const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const color = numbers(getComputedStyle(each).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color.slice(0, 3);
        }
        return numbers(getComputedStyle(document.documentElement).backgroundColor);
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        const element = walker.currentNode.parentElement;
        if (!text || !element.checkVisibility()) continue;
        const pair = [numbers(getComputedStyle(element).color).slice(0, 3), ground(element)]
            .map(luminance).sort((a, b) => b - a);
        found.push([text, (pair[0] + 0.05) / (pair[1] + 0.05)]);
    }
    return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_told_from_their_ground(scheme: str, world: World) -> None:
    world.browser.open(world.served.url, scheme=scheme)
    world.browser.until(lambda: (world.target("database") or {}).get("state") == "down")
    # What fades from one colour to the next is looked at afterwards.
    world.browser.until(lambda: not world.browser.ask("return document.getAnimations().length"))

    contrasts = world.browser.ask(CONTRASTS)

    assert len(contrasts) > 15
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []
    dark = world.browser.ask("return getComputedStyle(document.body).backgroundColor")
    assert (int(dark.split("(")[1].split(",")[0]) < 64) is (scheme == "dark")


def test_every_control_has_a_name_and_every_strip_its_words(world: World) -> None:
    driver = world.browser.driver
    driver.execute_cdp_cmd("Accessibility.enable", {})
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    driver.execute_cdp_cmd("Accessibility.disable", {})
    named = {
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and "name" in node
    }

    assert {
        ("textbox", "Address"),
        ("combobox", "Expected status"),
        ("button", "Check"),
        ("heading", "tryconnect"),
        ("heading", "Does an address answer?"),
        ("heading", "Watched targets"),
        ("heading", "shop"),
    } <= named
    controls = {"textbox", "combobox", "button", "link", "image", "img"}
    assert {role for role, name in named if role in controls and not name} == set()
    strips = [name for role, name in named if role in {"image", "img"}]
    assert strips
    assert all(name.startswith(("The last ", "No checks")) for name in strips)


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_nothing_is_wider_than_the_screen(width: int, world: World) -> None:
    world.browser.open(world.served.url, width=width)
    world.browser.until(lambda: (world.target("database") or {}).get("state") == "down")
    world.browser.find("#address").send_keys(f"{world.site.url}{'long' * 50}\n")
    world.browser.until(lambda: "answered" in world.browser.text("#result"))

    widest = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert world.browser.ask(widest) == 0


@pytest.mark.slow
def test_a_page_that_lost_its_server_says_so_and_finds_it_again(
    browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "targets.toml"
    with peers.in_thread(peers.http_server()) as site:
        file.write_text(f'[[target]]\nname = "a"\naddress = "{site.url}"\n', "utf-8")
        with peers.in_thread(serving("--targets", str(file))) as served:
            browser.open(served.url)
            browser.until(lambda: browser.text("#link") == "live")
        browser.until(lambda: browser.text("#link") == "reconnecting")
        port = served.url.rpartition(":")[2].strip("/")
        with peers.in_thread(serving("--targets", str(file), "--port", port)):
            browser.until(lambda: browser.text("#link") == "live")
            browser.until(lambda: browser.text("#summary") == "The target is up")
    browser.open("about:blank")
    assert all("ERR_" in line for line in browser.console())


@pytest.mark.slow
def test_a_server_without_targets_says_how_to_watch(browser: Browser) -> None:
    with peers.in_thread(serving()) as served:
        browser.open(served.url)
        browser.until(lambda: browser.text("#link") == "live")

        assert browser.text("#summary") == "Ready to check"
        assert "tryconnect serve --targets FILE" in browser.text("#nothing")
        browser.open("about:blank")
    assert browser.console() == []


@contextlib.asynccontextmanager
async def quiet_world(folder: Path) -> AsyncIterator[tuple[Served, peers.HttpServer]]:
    async with peers.http_server() as site, peers.closed_port() as nobody:
        file = folder / "targets.toml"
        places = {"site": site.url, "nobody": nobody.address, "hostile": site.url, "evil": "search"}
        file.write_text(TARGETS.format(**places), "utf-8")
        site.pages["/slow"] = peers.CannedResponse(b"")
        async with serving("--targets", str(file)) as served:
            yield served, site


@pytest.mark.slow
def test_a_picture_for_the_documents(browser: Browser, tmp_path: Path) -> None:
    """``TRYCONNECT_PICTURES=1`` writes it into the documents; else it only must be one."""
    file = PICTURE if os.environ.get("TRYCONNECT_PICTURES") else tmp_path / PICTURE.name
    with peers.in_thread(quiet_world(tmp_path)) as (served, site):
        world = World(browser, served, site)
        browser.open(served.url, width=1000, height=880)
        for failures in (2, 3, 5):  # the shop has had its troubles
            world.set_down(down=True)
            browser.until(lambda: (world.target("shop") or {"bad": 0})["bad"] >= failures)  # noqa: B023
            world.set_down(down=False)
            good = world.target("shop")["good"]
            browser.until(lambda: world.target("shop")["good"] >= good + 8)  # noqa: B023
        browser.until(lambda: world.target("accounts")["good"] == 60)
        browser.find("#address").send_keys(f"{site.url}\n")
        browser.until(lambda: "answered" in browser.text("#result"))

        assert browser.driver.save_screenshot(str(file))
        browser.open("about:blank")
    assert PICTURE.exists()
    assert browser.console() == []
