"""Shells complete commands, options and files, by a script that we print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ran, ran_here
from tryconnect.cli import COMMANDS, parser_of

shtab = pytest.mark.wants(module="shtab")

PRESS_TAB = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_shtab_tryconnect
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    printed = ran("--print-completion", "bash")
    assert (printed.code, printed.err) == (0, "")
    file = tmp_path_factory.mktemp("completion") / "tryconnect"
    file.write_text(printed.out)
    return file


def completed(script: Path, *words: str) -> set[str]:
    """What bash offers for the last one of some words."""
    done = subprocess.run(  # noqa: S603 - our own words
        ["bash", "--norc", "-c", PRESS_TAB, "bash", script, "tryconnect", *words],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=script.parent,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def options(command: str) -> set[str]:
    return {option for action in parser_of(command)._actions for option in action.option_strings}


@shtab
@pytest.mark.wants(program="bash")
class TestBash:
    def test_commands(self, script: Path) -> None:
        assert completed(script, "") >= set(COMMANDS)
        assert completed(script, "wa") == {"wait", "watch"}

    @pytest.mark.parametrize("command", COMMANDS)
    def test_options_of_a_command(self, script: Path, command: str) -> None:
        long = {option for option in options(command) if option.startswith("--")}

        assert completed(script, command, "--") == long

    def test_options_of_a_check_without_its_name(self, script: Path) -> None:
        assert completed(script, "--per") == {"--per-host"}
        assert completed(script, "--time") == {"--timeout"}

    def test_files(self, script: Path) -> None:
        assert completed(script, "-f", "tryc") == {"tryconnect"}
        assert completed(script, "check", "--file", "tryc") == {"tryconnect"}


@shtab
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_there_is_a_script_for(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys, "--print-completion", shell)

    assert (done.code, done.err) == (0, "")
    assert "--per-host" in done.out


def test_another_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran_here(capsys, "--print-completion=klingon").code == 2


def test_without_shtab_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)

    done = ran_here(capsys, "--print-completion", "bash")

    assert (done.code, done.out) == (1, "")
    assert done.err == "tryconnect: completion needs shtab: pip install 'tryconnect[cli]'\n"
