"""The options that several commands share, and how they are interpreted."""

from __future__ import annotations

import argparse
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tryconnect._client import MonitorClient
from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.guard import Guard
from tryconnect._options import CHECK_TIMEOUT, METHODS
from tryconnect.cli._format import FORMATS
from tryconnect.cli._input import opened
from tryconnect.cli._parser import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Literal, Protocol

    Family = Literal["any", "ipv4", "ipv6"]

    from tryconnect._client import Client
    from tryconnect._options import ClientOptions

    class Options(Protocol):
        """A parser, or a group of its options."""

        def add_argument(self, *names: str, **how: Any) -> argparse.Action:
            """Declare an option."""


__all__ = [
    "add_addresses",
    "add_colour",
    "add_connecting",
    "add_duration",
    "add_expecting",
    "add_number",
    "add_output",
    "add_timeout",
    "client_of",
    "client_options",
    "expected_of",
    "explicit_of",
    "one_of",
]


def add_addresses(parser: argparse.ArgumentParser) -> None:
    """Declare the addresses, and the files of them."""
    parser.add_argument(
        "addresses",
        nargs="*",
        metavar="ADDRESS",
        help="a URL, host, host:port, tcp://host:port, tls://host, redis://host, unix:///path …",
    )
    parser.add_argument(
        "-f",
        "--file",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="read addresses from a file, one per line (- is standard input); may be repeated",
    )


def add_timeout(
    parser: argparse.ArgumentParser,
    default: float = CHECK_TIMEOUT,
    what: str = "for each address",
) -> None:
    """Declare the timeout."""
    add_duration(parser, "--timeout", default, what)


def add_duration(parser: Options, flag: str, default: float | None, what: str) -> None:
    """Declare an option with a time, and its default in the help if there is one."""
    shown = "" if default is None else f" (default: {default:g}s)"
    parser.add_argument(flag, type=_duration, default=default, metavar="TIME", help=what + shown)


def _duration(text: str) -> float:
    from tryconnect._model.duration import parse_duration  # noqa: PLC0415 - defaults are numbers

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def one_of(*words: str) -> Callable[[str], str]:
    """Return the type of an option that is one of a few words."""

    def read(text: str) -> str:
        if text in words:
            return text
        raise argparse.ArgumentTypeError(
            f"it is one of {', '.join(words)}, not {text!r}{did_you_mean(text, words)}"
        )

    return read


def add_choice(parser: Options, flag: str, words: Sequence[str], what: str, **more: Any) -> None:
    """Declare an option that is one of a few words."""
    metavar = "|".join(words)
    parser.add_argument(
        flag, type=one_of(*words), choices=words, metavar=metavar, help=what, **more
    )


def add_number(
    parser: Options,
    flag: str,
    default: int | None,
    what: str,
    metavar: str = "NUMBER",
) -> None:
    """Declare an option with a number, and its default in the help if there is one."""
    shown = "" if default is None else f" (default: {default})"
    parser.add_argument(flag, type=_number, default=default, metavar=metavar, help=what + shown)


def _number(text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"it is a whole number, not {text!r}")
    return int(text)


def add_expecting(
    parser: argparse.ArgumentParser, default: str = "any answer", *, method: bool = True
) -> None:
    """Declare what a check must find.

    Args:
        parser: The command's.
        default: The expected status where none is given, as help shows it.
        method: Whether the method can be chosen.
    """
    group = parser.add_argument_group("what a check must find")
    group.add_argument(
        "--expect",
        metavar="STATUS",
        help=f'its status: 204, 2xx, 200-399, "2xx, 304", any (default: {default})',
    )
    group.add_argument(
        "--expect-body",
        metavar="TEXT",
        help='text that its body must contain; "": it must be empty',
    )
    group.add_argument(
        "--expect-pattern",
        metavar="REGEX",
        help="regular expression that must be found in its body",
    )
    group.add_argument(
        "--expect-header",
        dest="expect_headers",
        action="append",
        metavar="'NAME: TEXT'",
        help='header that must contain a text; "NAME:": it must be there; may be repeated',
    )
    add_duration(group, "--within", None, "how long a good check may take; a longer one is slow")
    add_number(group, "--cert-days", None, "days that the certificate must still be valid", "DAYS")
    add_number(
        group, "--max-redirects", None, "how many redirects to follow; the next is the answer"
    )
    if method:
        group.add_argument(
            "--method",
            type=lambda text: one_of(*METHODS)(text.upper()),
            choices=METHODS,
            metavar="|".join(METHODS),
            default="GET",
            help="how to ask (default: GET)",
        )


def add_connecting(parser: argparse.ArgumentParser) -> None:
    """Declare how to connect."""
    group = parser.add_argument_group("how to connect")
    for number in "46":
        group.add_argument(
            f"--ipv{number}",
            dest="families",
            action="append_const",
            const=f"ipv{number}",
            help=f"try IPv{number} addresses only",
        )
    group.add_argument(
        "--resolve",
        dest="places",
        action="append",
        type=_place,
        metavar="HOST:PORT:IP",
        help="connect there instead of looking the host up; may be repeated",
    )
    group.add_argument(
        "-H",
        "--header",
        dest="headers",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="send this header with every request; may be repeated",
    )
    group.add_argument("--user-agent", metavar="TEXT", help="say this is asking")
    group.add_argument("-k", "--insecure", action="store_true", help="accept any certificate")
    group.add_argument(
        "--cacert", metavar="FILE", help="trust these authorities only, of a PEM file"
    )
    group.add_argument("--cert", metavar="FILE", help="show this certificate, of a PEM file")
    group.add_argument("--key", metavar="FILE", help="its key, where it is in another file")
    group.add_argument(
        "--proxy", metavar="URL", help="ask through http://…, socks5h://… or another proxy"
    )
    group.add_argument(
        "--no-proxy", action="store_true", help="ignore HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
    )
    group.add_argument(
        "--guard",
        action="store_true",
        help="connect to globally reachable addresses only",
    )


def _place(text: str) -> tuple[str, list[str]]:
    """Read ``HOST:PORT:IP``, as curl does: there may be several addresses, and brackets."""
    match = re.fullmatch(r"(\[[^]]*\]|[^:]+):([0-9]+):(.+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"it looks like HOST:PORT:IP, not {text!r}")
    return f"{match[1]}:{match[2]}", [each.strip("[]") for each in match[3].split(",")]


def add_output(parser: argparse.ArgumentParser) -> Options:
    """Declare what to print; the group takes further options."""
    group = parser.add_argument_group("what to print")
    what = (
        "lines for people, one JSON object per line, or CSV (default: line; on a terminal, a table)"
    )
    add_choice(group, "--format", FORMATS, what)
    group.add_argument(
        "--json", dest="format", action="store_const", const="json", help="short for --format json"
    )
    group.add_argument("-v", "--verbose", action="store_true", help="say where the time went, too")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    group.add_argument(
        "--show-secrets",
        action="store_true",
        help="print passwords, and secrets in queries, instead of ***",
    )
    add_colour(group)
    return group


def add_colour(parser: Options) -> None:
    """Declare whether to colour."""
    what = "colour what is printed (default: auto, on a terminal; see NO_COLOR, FORCE_COLOR)"
    add_choice(parser, "--color", ("auto", "always", "never"), what, default="auto")


def client_of(options: argparse.Namespace) -> Client:
    """Return a client that connects as the options say.

    Raises:
        ValueError: Options make no sense, or exclude each other.
    """
    return MonitorClient(**client_options(options))


def client_options(options: argparse.Namespace) -> ClientOptions:
    """Return how a client is to connect, as the options say.

    Raises:
        ValueError: Options make no sense, or exclude each other.
    """
    if options.proxy is not None and options.no_proxy:
        raise ValueError("--proxy and --no-proxy exclude each other")
    if options.key is not None and options.cert is None:
        raise ValueError("--key needs --cert, whose key it is")
    for file in (options.cacert, options.cert, options.key):
        if file is not None and not os.path.isdir(file):
            opened(file).close()
    given = {
        "user_agent": options.user_agent,
        "ca_file": options.cacert,
        "cert_file": options.cert,
        "key_file": options.key,
        "resolve": options.places and _gathered(options.places),
    }
    found: Any = {
        "headers": dict(map(_header, options.headers)),
        "family": _family(options.families),
        "ssl": False if options.insecure else None,
        "proxy": None if options.no_proxy else "env" if options.proxy is None else options.proxy,
        "guard": Guard.public() if options.guard else None,
    }
    told: ClientOptions = found | {name: v for name, v in given.items() if v is not None}
    return told


def _gathered(places: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for place, addresses in places:
        found.setdefault(place, []).extend(addresses)
    return found


def _family(chosen: Sequence[Family] | None) -> Family:
    families = set(chosen or ())
    if len(families) > 1:
        raise ValueError("choose one address family")
    return families.pop() if families else "any"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError(f"a header looks like 'Name: value', not {text!r}")
    return name.strip(), value.strip()


def expected_of(options: argparse.Namespace, default: Expect | None = None) -> Expect | None:
    """Return what a check must find; ``None``: any answer will do.

    Args:
        options: Those of ``add_expecting``.
        default: What is expected where no status is given.

    Raises:
        ValueError: An expectation makes no sense.
    """
    explicit = explicit_of(options)
    if default is None or options.expect is not None:
        return as_expect(explicit)
    return default if explicit is None else replace(explicit, status=default.status)


def explicit_of(options: argparse.Namespace) -> Expect | None:
    """Return what the options themselves expect.

    Raises:
        ValueError: An expectation makes no sense.
    """
    headers = dict(map(_header, options.expect_headers or ()))
    fields = {
        "status": options.expect,
        "body": options.expect_body,
        "pattern": options.expect_pattern,
        "headers": headers or None,
        "within": options.within,
        "cert_days": options.cert_days,
        "max_redirects": options.max_redirects,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return Expect(**given) if given else None
