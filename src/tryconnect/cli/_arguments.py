"""The options that several commands share, and what becomes of their words."""

from __future__ import annotations

import argparse
import gc
import sys
from typing import TYPE_CHECKING, Any

from tryconnect._address.target import TargetKind, expect_not_applicable, parse
from tryconnect._client import Client
from tryconnect._model.expect import Expect
from tryconnect._model.guard import Guard
from tryconnect._options import CHECK_TIMEOUT
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "add_addresses",
    "add_connecting",
    "add_expecting",
    "add_output",
    "add_timeout",
    "client_of",
    "expected_of",
    "refuse_what_cannot_be_expected",
]


def add_addresses(parser: argparse.ArgumentParser, *, number: str = "+") -> None:
    """Declare the addresses themselves."""
    parser.add_argument(
        "addresses",
        nargs=number,
        metavar="ADDRESS",
        help="a URL, host, host:port, tcp://host:port or unix:///path",
    )


def add_timeout(
    parser: argparse.ArgumentParser,
    default: float = CHECK_TIMEOUT,
    what: str = "for each address, everything included",
) -> None:
    """Declare the deadline."""
    parser.add_argument(
        "--timeout",
        type=float,
        default=default,
        metavar="SECONDS",
        help=f"{what} (default: %(default)g)",
    )


def add_expecting(
    parser: argparse.ArgumentParser, default: str | None = None, said: str = "any answer"
) -> None:
    """Declare what an answer must be like."""
    group = parser.add_argument_group("what an HTTP answer must be like")
    group.add_argument(
        "--expect",
        default=default,
        metavar="STATUS",
        help=f'its status: 204, 2xx, 200-399, "2xx, 304" (default: {said})',
    )
    group.add_argument(
        "--expect-body",
        metavar="TEXT",
        help='a text that its body must contain; "": it must be empty',
    )


class _Family(argparse.Action):
    """One family of addresses or the other.

    A group of argparse's own would say so in the usage too, and each Python breaks its lines there
    in another way.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        del parser, values, option_string
        if getattr(namespace, self.dest) not in {self.default, self.const}:
            raise argparse.ArgumentError(self, "one family of addresses only")
        setattr(namespace, self.dest, self.const)


def add_connecting(parser: argparse.ArgumentParser) -> None:
    """Declare how to connect."""
    group = parser.add_argument_group("how to connect")
    for number in ("4", "6"):
        group.add_argument(
            f"--ipv{number}",
            dest="family",
            action=_Family,
            const=f"ipv{number}",
            nargs=0,
            default="any",
            help=f"try IPv{number} addresses only",
        )
    group.add_argument(
        "-H",
        "--header",
        dest="headers",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="send this header with every request; may be given more than once",
    )
    group.add_argument("-k", "--insecure", action="store_true", help="accept any certificate")
    group.add_argument(
        "--no-proxy", action="store_true", help="ignore HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
    )
    group.add_argument(
        "--guard",
        action="store_true",
        help="connect to what the whole internet can reach, and to nothing else",
    )


def add_output(parser: argparse.ArgumentParser, *, quiet: str) -> argparse._ArgumentGroup:
    """Declare how it is told; the group takes more of the same kind."""
    group = parser.add_argument_group("what to print")
    group.add_argument("--json", action="store_true", help="one JSON object a line")
    group.add_argument(
        "--show-secrets",
        action="store_true",
        help="print passwords, queries and fragments of addresses, not ***",
    )
    group.add_argument("-q", "--quiet", action="store_true", help=f"print no {quiet}")
    return group


def client_of(options: argparse.Namespace) -> Client:
    """Return a client that connects as the options say.  This imports aiohttp.

    What is loaded is kept, so no collector need look through it while it grows.  It is not frozen:
    ``gc.freeze`` saves a tenth more, but then the process crashed as it ended, 17 times of 24 where
    ``head`` had left (3.13.0 with pycares 5).

    Raises:
        ValueError: a header makes no sense.
    """
    fresh = "aiohttp" not in sys.modules
    if fresh:
        gc.disable()
    try:
        return _client(options)
    finally:
        if fresh:
            gc.enable()


def _client(options: argparse.Namespace) -> Client:
    chosen: dict[str, Any] = {
        "headers": dict(map(_header, options.headers)),
        "family": options.family,
        "ssl": False if options.insecure else None,
        "proxy": None if options.no_proxy else "env",
        "guard": Guard.public() if options.guard else None,
    }
    return Client(**chosen)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError(f"a header looks like 'Name: value', not {text!r}")
    return name.strip(), value.strip()


def expected_of(options: argparse.Namespace) -> Expect | None:
    """Return what an answer must be like; ``None``: anything will do.

    Raises:
        ValueError: the words make no sense.
    """
    if options.expect is None and options.expect_body is None:
        return None
    return Expect(status=options.expect, body=options.expect_body)


def refuse_what_cannot_be_expected(addresses: Iterable[str], expect: Expect | None) -> None:
    """Say at once that an address on the command line is not asked by HTTP.

    Raises:
        ValueError: something is expected of it all the same.
    """
    for address in addresses if expect is not None else ():
        try:
            target = parse(address)
        except InvalidAddress:
            continue  # a report of its own
        if target.kind is not TargetKind.http:
            raise ValueError(expect_not_applicable(target))
