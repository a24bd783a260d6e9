"""The built documents: without a warning, and every link inside them leads somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """The anchors of a page, and what it refers to on this site."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors = {"", "#"}
        self.links: set[str] = set()
        self.outside: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in {"href", "src"} and value:
                (self.outside if urlsplit(value).scheme else self.links).add(value)


def dead(folder: Path) -> list[str]:
    """Return the links of a built site that lead nowhere."""
    pages = {path: Page(path.read_text("utf-8")) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[there].anchors if there in pages else {parts.fragment}
            if not there.exists() or unquote(parts.fragment) not in anchors:
                found.append(f"{path.relative_to(folder)}: {link}")
    return sorted(found)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the documents as the group "docs" can, with warnings as errors."""
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("site")
    build = ("-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", "-d", folder / "trees")
    done = subprocess.run(  # noqa: S603 - our own documents
        [sys.executable, *build, DOCS, folder / "html"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_link_inside_leads_somewhere(site: Path) -> None:
    assert dead(site) == []


def test_types_lead_to_the_documents_of_others(site: Path) -> None:
    links = Page((site / "reference/api/client.html").read_text("utf-8")).outside

    assert "https://docs.python.org/3/library/ssl.html#ssl.SSLContext" in links
    assert "https://yarl.aio-libs.org/en/latest/api.html#yarl.URL" in links


def test_signatures_have_the_names_that_users_know(site: Path) -> None:
    page = re.sub(r"<[^>]+>", "", (site / "reference/api/client.html").read_text("utf-8"))

    assert "timeout: float = ..." in page
    assert "expect: ExpectLike" in page
    assert not re.search(r"ByClient|TypeAliasForwardRef|tryconnect\._\w", page)


def test_numbers_are_aligned_and_words_are_not(site: Path) -> None:
    page = (site / "explanation/performance.html").read_text("utf-8")
    row = re.search(r"<tr[^>]*><td[^>]*><p>pycurl, multi</p>.*?</tr>", page, re.DOTALL)

    assert row
    name, *numbers = ["number" in cell for cell in re.findall(r"<td([^>]*)>", row[0])]
    assert not name
    assert len(numbers) >= 7
    assert all(numbers)


def test_a_link_to_nowhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="shop/till.html#open"><a href="shop/till.html#closed"><a href="http://shop.test/">'
    )
    (tmp_path / "shop/till.html").write_text('<p id="open"><img src="till.png"><a href="#">')

    assert dead(tmp_path) == ["index.html: shop/till.html#closed", "shop/till.html: till.png"]
