"""The blocks of docs/howto/engines.rst run where their engine is there: the same rows in all."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.survey.counting import counting

pa = pytest.importorskip("pyarrow")

pytestmark = [pytest.mark.wants(module="pyarrow"), pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs/howto/engines.rst"


def block(title: str) -> str:
    section = PAGE.read_text("utf-8").partition(f"\n{title}\n---")[2]
    [code] = re.findall(r"::\n\n((?:    .*\n|\n)+)", section.partition("\n---")[0])[:1]
    return textwrap.dedent(code)


@pytest.fixture
def sync_leak_guard() -> None:
    """Guard nothing: engines keep threads of their own for the life of the process."""


@pytest.fixture(scope="module")
def addresses() -> Iterator[list[str]]:
    with counting() as server:
        served = [server.url(n, host=n % 50) for n in range(300)]
        yield [*served, *(f"http://127.0.0.1:1/{n}" for n in range(300)), "two words"]


EXPECTED = {"ok": 300, "refused": 300, "invalid_address": 1}


def ran(title: str, **names: Any) -> dict[str, Any]:
    exec(compile(block(title), str(PAGE), "exec"), names)  # noqa: S102 - running the page is the point
    return names


def test_a_plain_loop(addresses: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ran("A plain loop", table=pa.table({"address": addresses}))
    assert sum(map(int, capsys.readouterr().out.split())) == len(addresses)


@pytest.mark.wants(module="duckdb")
def test_duckdb(addresses: list[str]) -> None:
    duckdb = pytest.importorskip("duckdb")
    duckdb.sql("CREATE TABLE addresses (address VARCHAR)")
    duckdb.executemany("INSERT INTO addresses VALUES (?)", [[each] for each in addresses])
    assert dict(ran("DuckDB")["found"]) == EXPECTED


@pytest.mark.wants(module="polars")
def test_polars(addresses: list[str]) -> None:
    pytest.importorskip("polars")
    found = ran("Polars", addresses=addresses)["found"]
    assert dict(found.iter_rows()) == EXPECTED


@pytest.mark.wants(module="pandas")
def test_pandas(addresses: list[str]) -> None:
    pd = pytest.importorskip("pandas")
    reports = ran("pandas", frame=pd.DataFrame({"address": addresses}))["reports"]
    assert Counter(reports["reason"]) == EXPECTED


@pytest.mark.wants(module="pandas")
@pytest.mark.wants(module="dask")
def test_dask(addresses: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pd = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    ddf = frames.from_pandas(pd.DataFrame({"address": addresses}), npartitions=2)
    ran("Dask", ddf=ddf)
    assert Counter(pq.read_table("reports")["reason"].to_pylist()) == EXPECTED
