"""The status page in a real browser: Chromium, without a screen."""

import contextlib
import os
import re
import signal
import subprocess
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.web.browser import Browser, chromium
from tests.web.serving import Served, asking, serving, unguarded
from tryconnect import Reason
from tryconnect import testing as peers
from tryconnect.web import HistoryStore, Keep, WatchedTarget

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
    headline = f"shop, database and {EVIL} are down"
    assert world.browser.text("#summary") == headline
    assert world.browser.driver.title == f"{headline} · tryconnect"
    # Who listens to the page hears of it.
    news = world.browser.find("#news")
    assert news.get_attribute("role") == "status"
    said = news.get_attribute("textContent")
    assert said == "shop is down: answered 503, where 2xx was expected"

    world.set_down(down=False)
    world.browser.until(lambda: world.target("shop")["state"] == "up")

    assert world.browser.text("#summary") == f"database and {EVIL} are down"


@contextlib.asynccontextmanager
async def served_here(target: WatchedTarget) -> AsyncIterator[str]:
    async with asking(unguarded([target])) as asker:
        yield str(asker.make_url("/"))


@pytest.mark.slow
def test_a_clock_that_is_set_back_does_not_freeze_the_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, back = time.time, [0.0]
    clock = SimpleNamespace(time=lambda: real() - back[0])
    monkeypatch.setattr("tryconnect.web._watcher.time", clock)
    with (
        peers.in_thread(peers.closed_port()) as nobody,
        peers.in_thread(served_here(WatchedTarget(name="a", address=nobody.url, every=0.1))) as url,
    ):
        browser.open(url)
        strip = "return document.querySelector('.target .bad')?.getAttribute('d').split('M').length"
        browser.until(lambda: (browser.ask(strip) or 0) > 3)
        back[0] = 3600.0
        seen = browser.ask(strip)

        browser.until(lambda: browser.ask(strip) > seen + 5)
        browser.open("about:blank")


@pytest.mark.slow
def test_any_address_can_be_checked_by_keyboard_alone(world: World) -> None:
    tab, enter, space = "\ue004", "\ue007", " "  # as the WebDriver standard has them
    active = world.browser.driver.switch_to
    world.browser.find("body").send_keys(tab)
    order = []
    for _ in range(9):
        order.append(active.active_element.get_attribute("id") or active.active_element.text)
        active.active_element.send_keys(tab)
    # What is down comes first.
    names = ["database", EVIL, "shop", "accounts"]
    assert order == ["filter", "only-down", *names, "address", "expect", "Check"]

    world.browser.find("#address").send_keys(world.site.at("/status/404"), enter)
    world.browser.until(lambda: "answered 404" in world.browser.text("#result"))
    assert world.browser.text("#result .word") == "yes"
    assert "status\n404" in world.browser.text("#result .facts")

    world.browser.find("#expect").send_keys("2xx")
    world.browser.find("#check button").send_keys(space)
    world.browser.until(lambda: "where 2xx was expected" in world.browser.text("#result"))
    assert world.browser.text("#result .word") == "no"
    assert world.browser.find("#result").get_attribute("role") == "status"


def test_what_is_no_address_is_pointed_at(world: World) -> None:
    world.browser.find("#address").send_keys("http://127.0.0.1:80443/\n")

    world.browser.until(lambda: world.browser.ask("return !!document.querySelector('.caret')"))
    assert "a port is a number from 1 to 65535" in world.browser.text("#result .detail")
    assert world.browser.text("#result .word") == "not an address"  # which is not "no"
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
    assert world.browser.ask("return document.querySelectorAll('img, body script').length") == 0
    assert world.browser.driver.title == f"database and {EVIL} are down · tryconnect"


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
        ("link", "shop"),
        ("switch", "Only down"),
        ("searchbox", "Filter by name, address or group"),
    } <= named
    controls = {"textbox", "combobox", "button", "link", "image", "img"}
    assert {role for role, name in named if role in controls and not name} == set()
    strips = [name for role, name in named if role in {"image", "img"}]
    assert strips
    assert all(name.startswith(("The last ", "No checks")) for name in strips)


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 375, 768, 1400])
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
@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGSTOP])
def test_a_server_that_is_gone_or_hangs_is_told_within_ten_seconds(
    word: signal.Signals, browser: Browser, tmp_path: Path
) -> None:
    """Whether it closes its connections, or not, as when its machine has lost power."""
    file = tmp_path / "targets.toml"
    with peers.in_thread(peers.http_server()) as site:
        file.write_text(f'[[target]]\nname = "a"\naddress = "{site.url}"\n', "utf-8")
        with peers.in_thread(serving("--targets", str(file), "--title", "R & D")) as served:
            browser.open(served.url)
            browser.until(lambda: browser.text("#summary") == "The target is up")
            assert browser.driver.title == "The target is up · R & D"
            began = time.monotonic()
            if word == signal.SIGTERM:
                served.end(word)
            else:
                served.process.send_signal(word)
            browser.until(lambda: browser.text("#summary").startswith("Connection lost "))
            took = time.monotonic() - began

            lost = r"Connection lost \d+ s ago; state of \d\d:\d\d"
            assert took < 10
            assert re.fullmatch(lost, browser.text("#summary"))
            assert re.fullmatch(f"{lost} · R & D", browser.driver.title)
            assert browser.text(".target .word") == "was up"
            assert browser.text("#link") == "reconnecting"
            if word == signal.SIGSTOP:
                served.process.send_signal(signal.SIGCONT)
                browser.until(lambda: browser.text("#summary") == "The target is up")
                assert browser.text(".target .word") == "up"
        browser.open("about:blank")
    browser.console()


@contextlib.asynccontextmanager
async def wall(folder: Path, *words: str, count: int = 200) -> AsyncIterator[Served]:
    """A wall of targets, of which those with the numbers 50, 120 and 190 are down."""
    async with peers.http_server() as site, peers.closed_port() as nobody:
        rows = []
        for number in range(count):
            bad = number in {50, 120, 190}
            address = f"http://{nobody.address}/" if bad else site.url
            rows.append(
                f'[[target]]\nname = "service {number:03}"\naddress = "{address}"\nevery = 60\n'
                f'expect = "2xx"\ngroup = "{("web", "databases", "mail", "")[number % 4]}"\n'
            )
        file = folder / "targets.toml"
        file.write_text("\n".join(rows), "utf-8")
        async with serving("--targets", str(file), *words) as served:
            yield served


IN_SIGHT = """
    return [...document.querySelectorAll(".target")]
        .filter((each) => {
            const box = each.getBoundingClientRect();
            return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;
        })
        .map((each) => [each.querySelector(".name").textContent, each.dataset.state]);
"""

DOWN = ["service 050", "service 120", "service 190"]


@pytest.mark.slow
def test_of_200_targets_all_three_that_are_down_are_on_the_first_screen(
    browser: Browser, tmp_path: Path
) -> None:
    history = str(tmp_path / "history.db")
    with peers.in_thread(wall(tmp_path, "--history", history)) as served:
        browser.open(served.url, width=1280, height=800)
        browser.until(
            lambda: browser.text("#summary") == f"{DOWN[0]}, {DOWN[1]} and {DOWN[2]} are down"
        )
        seen = browser.ask(IN_SIGHT)

        assert [name for name, state in seen if state == "down"] == DOWN
        assert [name for name, _ in seen][:3] == DOWN  # before all others
        assert len(seen) > 30
        groups = texts(browser, ".group-name")
        assert groups == ["Down (3)", "databases (50)", "mail (48)", "web (49)", "Others (50)"]
        picture(browser, "status-wall.png", tmp_path)

        # The filter looks at names, addresses and groups; the switch at states.
        browser.find("#filter").send_keys("service 19")
        assert len(shown(browser)) == 10
        browser.find("#only-down").click()
        assert shown(browser) == ["service 190"]
        browser.find("#filter").send_keys("9")
        assert shown(browser) == []
        assert browser.text("#none-shown") == "No target matches."
        browser.find("#filter").send_keys("\ue003" * 20)
        browser.until(lambda: shown(browser) == DOWN)
        browser.open("about:blank")
    assert browser.console() == []


def shown(browser: Browser) -> list[str]:
    return texts(browser, ".target .name")


def texts(browser: Browser, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)"
    return list(browser.ask(script, selector))


@pytest.mark.slow
def test_a_target_opens_with_its_past(browser: Browser, tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.db", keep=Keep())
    store.start()
    now = time.time()
    for minute in range(0, 1300, 5):
        reason = Reason.timeout if 300 <= minute < 340 else Reason.ok
        store.add("service 001", reason, 0.05 + minute % 60 / 1000, now - minute * 60)
    store.went_down("service 001", Reason.timeout, "no answer for 10 s", now - 340 * 60)
    store.came_up("service 001", now - 300 * 60)
    store._stopping.set()
    store._end()
    with peers.in_thread(
        wall(tmp_path, "--history", str(tmp_path / "history.db"), count=20)
    ) as served:
        browser.open(f"{served.url}#service%20001", width=1280, height=800)
        browser.until(
            lambda: browser.ask("return document.querySelector('#chart svg')") is not None
        )
        browser.until(lambda: "up in 30d" in browser.text("#uptime"))

        assert browser.text("#detail-name") == "service 001"
        assert browser.text("#detail-state").startswith("up just now, since ")
        words = browser.find("#chart svg").get_attribute("aria-label")
        assert re.match(r"26\d checks, 8 failed, \d+ ms on average", words or "")
        assert len(texts(browser, "#chart text")) == 8
        assert "up in 24h\n96.9 %" in browser.text("#uptime")
        assert "no answer for 10 s" in browser.text("#incidents")
        assert "for 40 min" in browser.text("#incidents")
        assert "response" in browser.text("#detail-facts")
        picture(browser, "status-target.png", tmp_path)

        browser.find("#detail").send_keys("\ue00c")  # Escape
        browser.until(lambda: not browser.ask("return document.getElementById('detail').open"))
        # A dialog tells that it was closed in a task of its own (HTML, "close the dialog").
        browser.until(lambda: browser.ask("return location.hash") == "")
        browser.find(".name").click()
        browser.until(lambda: browser.text("#detail-name") == shown(browser)[0])
        browser.open("about:blank")
    assert browser.console() == []


@pytest.mark.slow
def test_a_browsers_clock_that_is_set_back_does_not_either(world: World) -> None:
    world.browser.until(lambda: world.target("shop")["good"] >= 2)
    before = world.target("shop")["good"]
    world.browser.ask("const now = Date.now; Date.now = () => now() - 86400000;")

    world.browser.until(lambda: world.target("shop")["good"] >= min(60, before + 3))
    world.set_down(down=True)
    world.browser.until(lambda: world.target("shop")["state"] == "down")
    assert "for -" not in world.browser.text("body")


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, which finds what shuts people out; npm fetches it."""
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(  # noqa: S603 - our own words
        ["npm", "pack", "--silent", AXE],  # noqa: S607
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        complain = pytest.fail if os.environ.get("TRYCONNECT_TESTS") == "all" else pytest.skip
        complain(f"npm cannot fetch {AXE}: {done.stderr}")
    with tarfile.open(folder / done.stdout.strip()) as packed:
        source = packed.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()


AXE = "axe-core@4.14.1"

AUDIT = """
    const done = arguments[arguments.length - 1];
    axe.run(document).then(
        ({ violations, passes }) => done([
            violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)]),
            passes.length,
        ]),
        (error) => done([[String(error)], 0]),
    );
"""


@pytest.mark.slow
@pytest.mark.wants(program="npm")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_that_shuts_anybody_out(
    scheme: str, width: int, axe: str, browser: Browser, tmp_path: Path
) -> None:
    file = str(tmp_path / "history.db")
    with peers.in_thread(wall(tmp_path, "--history", file, count=60)) as served:
        browser.open(served.url, width=width, height=800, scheme=scheme)
        browser.until(lambda: browser.text("#summary") == "service 050 is down")
        browser.find("#address").send_keys("http://a:99999/\n")
        browser.until(lambda: "not an address" in browser.text("#result"))
        browser.until(lambda: not browser.ask("return document.getAnimations().length"))
        browser.ask(axe)
        audits = [browser.driver.execute_async_script(AUDIT)]
        browser.ask("location.hash = '#service%20050'")
        browser.until(lambda: "up in 30d" in browser.text("#uptime"))
        audits.append(browser.driver.execute_async_script(AUDIT))
        browser.ask("document.getElementById('detail').close()")
        served.process.send_signal(signal.SIGSTOP)
        browser.until(lambda: browser.text("#summary").startswith("Connection lost"))
        browser.until(lambda: not browser.ask("return document.getAnimations().length"))
        audits.append(browser.driver.execute_async_script(AUDIT))
        served.process.send_signal(signal.SIGCONT)
        browser.until(lambda: browser.text("#link") == "live")
        browser.open("about:blank")
    browser.console()

    assert [violations for violations, _ in audits] == [[], [], []]
    assert min(passes for _, passes in audits) > 20


def picture(browser: Browser, name: str, folder: Path) -> None:
    """Take a picture, into the documents with ``TRYCONNECT_PICTURES=1``."""
    file = (PICTURE.parent if os.environ.get("TRYCONNECT_PICTURES") else folder) / name
    assert browser.driver.save_screenshot(str(file))
    assert (PICTURE.parent / name).exists()


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
