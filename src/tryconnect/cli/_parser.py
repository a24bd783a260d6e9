"""The parser of a command's options: errors of one line, with the word that was meant."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Never

from tryconnect._model.redaction import escape_control
from tryconnect.cli._output import say, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Parser", "did_you_mean", "letters_apart"]


class Parser(argparse.ArgumentParser):
    """A parser that takes options and addresses in any order, and options in full only."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **keywords)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the options; exit with 2 if they are wrong."""
        options, rest = self.parse_known_args(words)
        for word in rest:
            if word.startswith("-") and word != "-":
                self.error(self._no_option(word.partition("=")[0]))
        # argparse takes the addresses before the first option, or those after it.
        if rest and not hasattr(options, "addresses"):
            self.error(f"one word too many: {rest[0]!r}")
        if rest:
            options.addresses = [*options.addresses, *rest]
        return options

    def format_help(self) -> str:
        """Return the help, wrapped to the terminal's width."""
        # argparse would do so for each option that it gets: 2 % of a check.
        import shutil  # noqa: PLC0415 - it loads what packs archives

        self.formatter_class = partial(_Formatter, width=shutil.get_terminal_size().columns - 2)
        return super().format_help()

    def print_help(self, file: object = None) -> None:
        """Print the help, and let a full disk be heard of."""
        del file
        show(self.format_help())

    def error(self, message: str) -> Never:
        """Print what is wrong, in one line, and exit with 2."""
        say(f"{self.prog}: error: {message}")
        sys.exit(2)

    def _no_option(self, name: str) -> str:
        every = [option for action in self._actions for option in action.option_strings]
        known = [option for option in every if option.startswith("--")]
        spelt = f"--{name.lstrip('-').replace('_', '-').lower()}"
        longer = [option for option in known if option.startswith(spelt)]
        return f"there is no option {escape_control(name)}{did_you_mean(spelt, longer or known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` if one of the known words is close, else nothing."""
    import difflib  # noqa: PLC0415 - for mistakes only

    by_case = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), by_case, n=1, cutoff=0.65)
    return f"; did you mean {by_case[close[0]]}?" if close else ""


def letters_apart(one: str, other: str) -> int:
    """Return how many letters have to be changed, added, left out or exchanged with the next."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        earlier, before, row = before, row, [i + 1]
        for j, wanted in enumerate(other):
            row.append(min(row[j] + 1, before[j + 1] + 1, before[j] + (letter != wanted)))
            if i and j and letter == other[j - 1] and wanted == one[i - 1]:
                row[-1] = min(row[-1], earlier[j - 1] + 1)
    return row[-1]


class _Formatter(argparse.HelpFormatter):
    """Help that is the same on all versions of Python."""

    def __init__(self, prog: str, width: int = 78) -> None:
        super().__init__(prog, width=width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap each paragraph, unless it is a list."""
        fill = super()._fill_text
        paragraphs = text.strip().split("\n\n")
        return "\n\n".join(
            each if "\n  " in each else fill(each, width, indent) for each in paragraphs
        )

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Write ``-f, --file FILE``, as since Python 3.13, not ``-f FILE, --file FILE``."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, action.dest.upper())
        return f"{', '.join(action.option_strings)} {value}"
