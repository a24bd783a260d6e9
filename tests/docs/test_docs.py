"""The docs agree with the code; ``documents.py`` runs their blocks."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.example import SybilFailure

import tryconnect
from tests.docs import documents
from tryconnect import Reason, cli
from tryconnect.cli import COMMANDS
from tryconnect.doctor._loop_checks import LOOP_TESTS
from tryconnect.doctor._machine_checks import MACHINE_TESTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.rst", *sorted(DOCS.rglob("*.rst")))
README = (ROOT / "README.rst").read_text("utf-8")
API = "".join(page.read_text("utf-8") for page in (DOCS / "reference").rglob("*.rst"))
REASONS = (DOCS / "reference/reasons.rst").read_text("utf-8")
COMMAND_LINE = (DOCS / "reference/command-line.rst").read_text("utf-8")


# --- what the reference must have

EXTRAS = {"arrow": "pyarrow", "pandas": "pandas"}
"""The doors whose extras not all tests have, and what those bring."""

PUBLIC = (
    "tryconnect",
    *(f"tryconnect.{door}" for door, module in EXTRAS.items() if importlib.util.find_spec(module)),
    *(f"tryconnect.{door}" for door in ("sync", "doctor", "errors", "testing", "web")),
    *(f"tryconnect.testing.{name}" for name in ("certificates", "dns", "tls")),
)


for door in EXTRAS:  # before a guard counts the threads that pyarrow starts
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module(f"tryconnect.{door}")


def _documented() -> Iterator[object]:
    """Yield every object that has an entry in the API reference."""
    for name in re.findall(r"^\.\. (?:auto|py:data)\w*:: ([\w.]+)(?:\(\))?$", API, re.MULTILINE):
        with contextlib.suppress(ModuleNotFoundError, AttributeError):  # its extra is not there
            yield pkgutil.resolve_name(name)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    documented = list(_documented())
    public = importlib.import_module(module)

    assert [name for name in public.__all__ if getattr(public, name) not in documented] == []


def test_each_reason_has_a_row_that_says_what_to_do() -> None:
    page = (DOCS / "howto/troubleshooting.rst").read_text("utf-8")

    assert re.findall(r"^``(\w+)`` +\S", page, re.MULTILINE) == list(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_an_entry_that_begins_with_its_meaning(reason: Reason) -> None:
    entry = re.search(rf"^{reason}\n-+\n\n(.*?)\n\n", REASONS, re.MULTILINE | re.DOTALL)

    assert entry is not None
    assert entry[1].replace("\n", " ").startswith(reason.meaning)


def test_every_entry_is_a_reason() -> None:
    assert re.findall(r"^(\w+)\n-+$", REASONS, re.MULTILINE) == list(Reason)


def test_every_finding_of_the_doctor_has_an_entry() -> None:
    page = (DOCS / "reference/doctor.rst").read_text("utf-8")

    assert re.findall(r"^(\w+)\n\^+$", page, re.MULTILINE) == [*LOOP_TESTS, *MACHINE_TESTS]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_of_every_command_is_shown(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = [*command.split(), "--help"]
    with pytest.raises(SystemExit):
        cli.main(words)
    shown = "\n".join([f"$ tryconnect {' '.join(words)}", capsys.readouterr().out.strip()])

    assert shown in COMMAND_LINE.replace("\n    ", "\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_help(command: str) -> None:
    """The page shows the help, so an option that argparse hides would be undocumented."""
    parser = cli.parser_of(command)
    options = {option for action in parser._actions for option in action.option_strings}

    assert options <= set(re.findall(r"--?[a-zA-Z0-9-]+", parser.format_help()))


@pytest.mark.parametrize("folder", ["tutorial", "howto", "explanation", "reference"])
def test_every_page_is_in_the_table_of_contents(folder: str) -> None:
    tables = {"": "index.rst", "reference/": "reference/api.rst"}
    listed = {
        f"{base}{entry}"
        for base, table in tables.items()
        for entry in (DOCS / table).read_text("utf-8").split()
    }
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES[1:]}

    assert {page for page in pages if page.startswith(folder)} <= listed


# --- one fact in one place


def test_the_commands_of_the_documents_are_those_of_the_gate() -> None:
    """Shell blocks do not run in the tests: the gate runs their lines."""
    gate = {line.strip() for line in (ROOT / ".ci/run").read_text("utf-8").splitlines()}
    block = re.compile(r"^\.\. code-block:: bash\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)
    shown = [
        line.strip()
        for page in PAGES
        for source in block.findall(page.read_text("utf-8"))
        for line in source.strip().splitlines()
    ]

    assert shown == [
        "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/tryconnect demo",
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest",
    ]
    assert set(shown) <= gate


def test_the_index_shows_the_first_screen_of_the_readme() -> None:
    index = (DOCS / "index.rst").read_text("utf-8")
    marks = re.findall(r":(?:start-after|end-before): (.*)", index)

    assert marks
    assert [README.count(f"{mark}\n") for mark in marks] == [1] * len(marks)
    assert marks == sorted(marks, key=README.index)


def test_the_readme_is_under_two_screens_and_begins_with_what_it_is() -> None:
    """A screen of a page on the index has about fifty lines; the picture takes eight of them."""
    first, _, rest = README.partition(".. begin-what-it-is\n\n")[2].partition("\n\n")

    assert re.fullmatch(r"\*\*[^*]+\.\*\*", first)
    assert rest.startswith(".. code-block:: python")
    assert len(README.splitlines()) < 2 * 50


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.rst").read_text("utf-8")

    assert re.search(rf"^{re.escape(tryconnect.__version__)}\b.*\n-+$", changelog, re.MULTILINE)


# --- their blocks run, and the evaluator bites


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pytest_runs_the_blocks_of_every_page(request: pytest.FixtureRequest, page: Path) -> None:
    if request.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        pytest.skip("tells of a whole run")
    session = request.session
    collected = session.gethookproxy(page).pytest_collect_file(file_path=page, parent=session)

    assert "SybilFile" in [type(file).__name__ for file in collected]


def _run(tmp_path: Path, text: str) -> None:
    """Run a document's blocks as the tests of the docs do."""
    page = tmp_path / "page.rst"
    page.write_text(text, "utf-8")
    document = Sybil([documents.blocks], path=str(tmp_path)).parse(page)
    documents.enter(document.namespace)
    try:
        for example in document.examples():
            example.evaluate()
    finally:
        documents.leave(document.namespace)


def _block(language: str, *lines: str) -> str:
    return "\n".join(
        [f".. code-block:: {language}", "", *(f"    {line}" for line in lines), "", ""]
    )


def test_a_right_output_passes(tmp_path: Path) -> None:
    text = _block("python", "import asyncio", "x = 1", "await asyncio.sleep(0)", "print(x, '2 ms')")

    _run(tmp_path, text + _block("text", "1 34.5 s"))


BAD = {
    "a wrong output": _block("python", "print(1)") + _block("text", "2"),
    "a missing output": _block("python", "x = 1") + _block("text", "1"),
    "an output that is not shown": _block("python", "print(1)"),
    "a wrong output after await": _block("python", "import asyncio", "await asyncio.sleep(0)")
    + _block("text", "1"),
    "a wrong output of a command": _block("console", "$ tryconnect --version", "tryconnect 0"),
    "a broken file of targets": _block("toml", "[[target]]", 'name = "a"'),
    "a wrong exit code": _block(
        "console",
        "$ tryconnect --version",
        f"tryconnect {tryconnect.__version__}",
        "$ echo $?",
        "1",
    ),
}


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_it_fails_for(tmp_path: Path, text: str) -> None:
    with pytest.raises(SybilFailure):
        _run(tmp_path, text)


RAISING = {
    "an exception": (_block("python", "1 / 0"), ZeroDivisionError),
    "an exception after await": (
        _block("python", "import asyncio", "await asyncio.sleep(0)", "1 / 0"),
        ZeroDivisionError,
    ),
    "an error of syntax": (_block("python", "1 +"), SyntaxError),
    "another program": (_block("console", "$ rm -r /"), ValueError),
    "an output of nothing": (_block("text", "1"), ValueError),
    "a language that nobody runs": (_block("perl", "print 1"), ValueError),
    "another machine": (
        _block(
            "python",
            "import socket",
            "with socket.socket() as sock:",
            "    sock.connect(('192.0.2.1', 80))",
        ),
        documents.OtherMachineError,
    ),
}


@pytest.mark.parametrize(("text", "error"), RAISING.values(), ids=list(RAISING))
def test_it_raises_for(tmp_path: Path, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        _run(tmp_path, text)
