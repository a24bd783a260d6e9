"""Programs that are packed with tryconnect: frozen, in a zip archive, and without docstrings."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import urllib.request
import zipapp
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import tryconnect
from tryconnect import cli
from tryconnect import testing as peers
from tryconnect._alerts.channels import Notification

PROGRAM = "import sys\nfrom tryconnect.cli import main\nsys.exit(main())\n"
SOURCE = Path(tryconnect.__file__).parent
ROOT = SOURCE.parents[1]


def frozen(folder: Path) -> list[str]:
    """The command line in a folder without a Python, by PyInstaller."""
    (folder / "program.py").write_text(PROGRAM)
    words = ("--noconfirm", "--log-level", "ERROR", "program.py")
    run([sys.executable, "-m", "PyInstaller", *words], folder)
    return [str(folder / "dist/program/program")]


def made_by_shiv(folder: Path) -> list[str]:
    """One file with all dependencies, which unpacks itself."""
    file = str(folder / "tryconnect.pyz")
    words = ("-q", "-e", "tryconnect.cli:main", "-o", file, str(ROOT))
    run([sys.executable, "-m", "shiv", *words], folder)
    return [sys.executable, file]


def zipped(folder: Path) -> list[str]:
    """tryconnect in an archive that is never unpacked; its dependencies are where they were."""
    shutil.copytree(SOURCE, folder / "app" / "tryconnect")
    (folder / "app" / "__main__.py").write_text(PROGRAM)
    zipapp.create_archive(folder / "app", folder / "tryconnect.pyz")
    return [sys.executable, str(folder / "tryconnect.pyz")]


def without_docstrings(_: Path) -> list[str]:
    return [sys.executable, "-OO", "-m", "tryconnect"]


def run(words: list[str], folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - our own words
        words, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout


@contextlib.contextmanager
def served(command: list[str]) -> Iterator[str]:
    """Run ``serve``, and give its address."""
    with subprocess.Popen(  # noqa: S603 - our own words
        [*command, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("serving at http://"), line + process.stdout.read()
            yield line.split()[-1]
        finally:
            process.terminate()


@pytest.mark.slow
@pytest.mark.timeout(900)  # PyInstaller reads all that is imported: 18 s of an idle processor
@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(frozen, marks=pytest.mark.wants(module="PyInstaller")),
        pytest.param(made_by_shiv, marks=pytest.mark.wants(module="shiv")),
        zipped,
        without_docstrings,
    ],
)
def test_a_packed_program_checks_and_serves_its_page(
    pack: Callable[[Path], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("SHIV_ROOT", str(tmp_path / "shiv"))
    command = pack(tmp_path)

    with peers.in_thread(peers.http_server()) as site:
        # Needs a look-up, and a reader of names that are not ASCII.
        address = f"http://\N{CIRCLED LATIN SMALL LETTER L}ocalhost:{site.port}/"
        assert run([*command, address, "--timeout", "20"], tmp_path).startswith("ok ")
        assert run([*command, "fetch", site.url], tmp_path)
    for name in cli.COMMANDS:
        assert f"tryconnect {name}" in run([*command, name, "--help"], tmp_path)
    with served(command) as address:
        for path in ("", "page/page.js", "page/page.css", "page/icon.svg"):
            with urllib.request.urlopen(address + path) as answer:  # noqa: S310 - ours
                shown = (SOURCE / "web" / (path or "page/index.html")).read_bytes()
                if not path:
                    shown = shown.replace(b"{title}", b"tryconnect")
                assert answer.read() == shown


def test_the_hooks_are_where_pyinstaller_looks() -> None:
    (found,) = (each for each in entry_points(group="pyinstaller40") if "tryconnect" in each.value)

    (folder,) = found.load()()

    names = [path.name for path in Path(folder).glob("hook-*.py")]
    assert sorted(names) == [
        *("hook-tryconnect.cli.py", "hook-tryconnect.py", "hook-tryconnect.web.py")
    ]


def test_a_frozen_program_says_that_it_cannot_notify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    with pytest.raises(ValueError, match="a frozen program has no Python to run Apprise with"):
        Notification(("json://localhost",))


@pytest.mark.slow
@pytest.mark.wants(module="apprise")
def test_apprise_runs_with_the_modules_of_an_archive(tmp_path: Path) -> None:
    *_, archive = zipped(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {archive!r})\n"
        "from tryconnect._alerts import channels\n"
        f"assert channels.__file__.startswith({archive!r})\n"
        "channels.Notification(('json://localhost',)).verify()\n"
        "try: channels.Notification(('nothing://x',)).verify()\n"
        "except ValueError as error: print(error)\n"
    )

    told = run([sys.executable, "-c", program], tmp_path)

    assert told == "URL 1 (nothing): Apprise cannot read it\n"
