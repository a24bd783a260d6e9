"""The options that several commands share, and how they are interpreted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._address.target import TargetKind, expect_not_applicable, parse
from tryconnect._client import MonitorClient
from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.guard import Guard
from tryconnect._options import CHECK_TIMEOUT
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from typing import Literal

    Family = Literal["any", "ipv4", "ipv6"]

    from tryconnect._client import Client

__all__ = [
    "add_addresses",
    "add_connecting",
    "add_expecting",
    "add_number",
    "add_output",
    "add_timeout",
    "check_expect_applies",
    "client_of",
    "expected_of",
]


def add_addresses(parser: argparse.ArgumentParser, *, number: str = "+") -> None:
    """Declare the addresses."""
    parser.add_argument(
        "addresses",
        nargs=number,
        metavar="ADDRESS",
        help="a URL, host, host:port, tcp://host:port or unix:///path",
    )


def add_timeout(
    parser: argparse.ArgumentParser,
    default: float = CHECK_TIMEOUT,
    what: str = "for each address",
) -> None:
    """Declare the timeout."""
    add_number(parser, "--timeout", default, what, kind=float, metavar="SECONDS")


def add_number(
    parser: argparse.ArgumentParser,
    flag: str,
    default: float | None,
    what: str,
    *,
    kind: type[int | float] = int,
    metavar: str = "NUMBER",
) -> None:
    """Declare an option with a number, and its default in the help if there is one."""
    shown = "" if default is None else f" (default: {default:.12g})"
    parser.add_argument(flag, type=kind, default=default, metavar=metavar, help=what + shown)


def add_expecting(
    parser: argparse.ArgumentParser, default: str | None = None, shown: str = ""
) -> None:
    """Declare what an HTTP answer must be like; ``shown`` is the default as help shows it."""
    shown = shown or default or "any answer"
    group = parser.add_argument_group("what an HTTP answer must be like")
    group.add_argument(
        "--expect",
        default=default,
        metavar="STATUS",
        help=f'its status: 204, 2xx, 200-399, "2xx, 304" (default: {shown})',
    )
    group.add_argument(
        "--expect-body",
        metavar="TEXT",
        help='text that its body must contain; "": it must be empty',
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
        "-H",
        "--header",
        dest="headers",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="send this header with every request; may be repeated",
    )
    group.add_argument("-k", "--insecure", action="store_true", help="accept any certificate")
    group.add_argument(
        "--no-proxy", action="store_true", help="ignore HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
    )
    group.add_argument(
        "--guard",
        action="store_true",
        help="connect to globally reachable addresses only",
    )


def add_output(parser: argparse.ArgumentParser, *, quiet: str) -> argparse._ArgumentGroup:
    """Declare what to print; the group takes further options."""
    group = parser.add_argument_group("what to print")
    group.add_argument("--json", action="store_true", help="print one JSON object per line")
    group.add_argument(
        "--show-secrets",
        action="store_true",
        help="print passwords, queries and fragments of addresses instead of ***",
    )
    group.add_argument("-q", "--quiet", action="store_true", help=f"do not print {quiet}")
    return group


def client_of(options: argparse.Namespace) -> Client:
    """Return a client that connects as the options say.

    Raises:
        ValueError: A header is malformed, or both address families are selected.
    """
    return MonitorClient(
        headers=dict(map(_header, options.headers)),
        family=_family(options.families),
        ssl=False if options.insecure else None,
        proxy=None if options.no_proxy else "env",
        guard=Guard.public() if options.guard else None,
    )


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


def expected_of(options: argparse.Namespace) -> Expect | None:
    """Return what an answer must be like; ``None``: any answer will do.

    Raises:
        ValueError: The status is malformed.
    """
    if options.expect is None and options.expect_body is None:
        return None
    return as_expect(Expect(status=options.expect, body=options.expect_body))


def check_expect_applies(addresses: Iterable[str], expect: Expect | None) -> None:
    """Check that nothing is expected of addresses that are not checked by HTTP.

    Raises:
        ValueError: Something is.
    """
    for address in addresses if expect is not None else ():
        try:
            target = parse(address)
        except InvalidAddress:
            continue  # its report will say so
        if target.kind is not TargetKind.http:
            raise ValueError(expect_not_applicable(target))
