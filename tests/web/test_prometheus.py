"""A real Prometheus scrapes the probe server, and promtool reads what it says."""

import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.ports import free_port
from tests.web.programs import running
from tests.web.serving import asking, serving, unguarded, until
from tryconnect import testing as peers

pytestmark = [
    pytest.mark.wants(program="prometheus"),
    pytest.mark.wants(program="promtool"),
]

DOCS = Path(__file__).parent.parent.parent / "docs"

BLOCK = re.compile(r"^\.\. code-block:: yaml\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)


def yaml_blocks(page: str) -> list[str]:
    """The blocks of YAML in a page of the documents."""
    return [textwrap.dedent(block) for block in BLOCK.findall((DOCS / page).read_text("utf-8"))]


def promtool(*words: str, text: str = "") -> str:
    """Run promtool; what it says, which is nothing but praise."""
    done = subprocess.run(  # noqa: S603 - our own words
        ["promtool", *words],  # noqa: S607
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


# --- promtool


async def test_promtool_finds_no_fault_with_the_metrics(http_server: peers.HttpServer) -> None:
    async with asking(unguarded()) as asker:
        answers = [
            await asker.get("/probe", params={"target": http_server.url}),
            await asker.get("/probe", params={"target": "tcp://127.0.0.1:1"}),
            await asker.get("/metrics"),
        ]
        texts = [await answer.text() for answer in answers]

    for text in texts:
        assert promtool("check", "metrics", text=text) == ""


def test_promtool_finds_no_fault_with_the_documents(tmp_path: Path) -> None:
    file = tmp_path / "block.yml"
    kinds = {"scrape_configs:": ("config", "--syntax-only"), "groups:": ("rules",)}
    checked = []
    for page in ("howto/serve.rst", "reference/server.rst"):
        for block in yaml_blocks(page):
            file.write_text(block, "utf-8")
            kind = kinds[block.split()[0]]
            assert "SUCCESS" in promtool("check", *kind, str(file))
            checked.append(kind[0])

    assert sorted(checked) == ["config", "config", "rules"]


# --- a scrape


async def query(session: aiohttp.ClientSession, expression: str) -> dict[tuple[str, str], float]:
    """What Prometheus says now: values by job, and by reason or else by instance."""
    async with session.get("/api/v1/query", params={"query": expression}) as response:
        told: dict[str, Any] = await response.json()
    found = {}
    for row in told["data"]["result"]:
        labels = row["metric"]
        found[labels["job"], labels.get("reason", labels["instance"])] = float(row["value"][1])
    return found


WAYS = {"of the documents": 'expect: ["2xx"]', "for blackbox_exporter": "module: [http_2xx]"}
"""How a scrape configuration says what is expected; the rest is the same."""


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
async def test_a_scrape_configuration_works(
    way: str, tmp_path: Path, http_server: peers.HttpServer
) -> None:
    config, _ = yaml_blocks("howto/serve.rst")
    assert WAYS["of the documents"] in config
    config = config.replace(WAYS["of the documents"], way)
    file = tmp_path / "prometheus.yml"
    port = free_port()
    async with serving() as served, peers.closed_port() as nobody:
        ours = served.url.removeprefix("http://").strip("/")
        for ours_there, here in {
            "127.0.0.1:9115": ours,
            "https://example.com/health": nobody.url,
            "https://example.com/": http_server.url,
        }.items():
            assert ours_there in config
            config = config.replace(ours_there, here)
        often = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        file.write_text(often + config, "utf-8")
        program = running(
            "prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            port=port,
            ready="/-/ready",
        )
        async with program as url, aiohttp.ClientSession(url) as session:

            async def scraped() -> bool:
                return len(await query(session, "up")) == 3

            await until(scraped)
            up = await query(session, "up")
            success = await query(session, "probe_success")
            reasons = await query(session, "tryconnect_probe_reason")
            status = await query(session, "probe_http_status_code")
            checks = await query(session, 'tryconnect_checks_total{reason="ok"}')

    assert up == {
        ("websites", http_server.url): 1,
        ("websites", nobody.url): 1,
        ("tryconnect", ours): 1,
    }
    assert success == {("websites", http_server.url): 1, ("websites", nobody.url): 0}
    assert reasons == {("websites", "ok"): 1, ("websites", "refused"): 1}
    assert status == {("websites", http_server.url): 200, ("websites", nobody.url): 0}
    assert checks.keys() == {("tryconnect", "ok")}
