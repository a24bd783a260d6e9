"""The papers that forges and tools look for say what the project says."""

from __future__ import annotations

import re
from pathlib import Path

import tryconnect

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_pre_commit_runs_what_the_gate_runs() -> None:
    style = re.search(r"^style\(\) \(\n(.*?)^\)", read(".ci/run"), re.MULTILINE | re.DOTALL)
    assert style
    gate = [line.strip() for line in style[1].splitlines() if ".venv/bin/" in line]
    hooks = re.findall(r"entry: (.*)", read(".pre-commit-config.yaml"))
    assert [line for line in gate if "count_code" not in line] == hooks


def test_the_citation_names_this_version() -> None:
    assert f"\nversion: {tryconnect.__version__}\n" in read("CITATION.cff")


def test_the_readme_of_the_gate_has_each_job() -> None:
    jobs = re.search(r"^jobs=\((.*)\)$", read(".ci/run"), re.MULTILINE)
    assert jobs
    assert jobs[1].split() == re.findall(r"^``(\w+)``", read(".ci/README.rst"), re.MULTILINE)
