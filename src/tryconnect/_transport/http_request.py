"""The head of a request: pure, and written in one place for all hops of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._address.target import may_share_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tryconnect._address.target import Target

__all__ = ["FOR_ONE_ORIGIN", "RequestHeads"]

FOR_ONE_ORIGIN = frozenset({"authorization", "cookie", "host", "proxy-authorization"})
"""Headers of the caller's that a redirect does not take to another origin."""


class RequestHeads:
    """Writes the requests of one client.

    Args:
        headers: sent with every request; of two that differ in the case of letters only, the later
            one counts.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._own: dict[str, tuple[str, str]] = {}
        for name, value in headers.items():
            spelt, _ = self._own.get(name.lower(), (name, ""))
            self._own[name.lower()] = spelt, value
        self._own.setdefault("connection", ("Connection", "close"))
        self._public = {
            name: field for name, field in self._own.items() if name not in FOR_ONE_ORIGIN
        }
        self._usual = "" if "host" in self._own else _written(self._own)

    def head(self, target: Target, first: Target, cookie: str = "") -> bytes:
        """Return the request for a target.

        Args:
            target: is asked.
            first: what the caller asked for; the origin of that gets all of the headers.
            cookie: what the hops before have set, as ``Cookie`` has it.
        """
        trusted = target is first or may_share_credentials(first, target)
        host, path = target.host_header, target.request_target
        if trusted and not cookie and target.authorization is None and self._usual:
            return f"{target.method} {path} HTTP/1.1\r\nHost: {host}{self._usual}".encode(
                "utf-8", "surrogateescape"
            )
        fields = dict(self._own if trusted else self._public)
        host = fields.pop("host", ("Host", host))[1]
        if target.authorization is not None:
            fields["authorization"] = "Authorization", target.authorization
        if cookie:
            own = [fields["cookie"][1]] if "cookie" in fields else []
            fields["cookie"] = "Cookie", "; ".join([*own, cookie])
        return f"{target.method} {path} HTTP/1.1\r\nHost: {host}{_written(fields)}".encode(
            errors="surrogateescape"  # bytes of cookies go back as they came
        )


def _written(fields: Mapping[str, tuple[str, str]]) -> str:
    return "".join(f"\r\n{name}: {value}" for name, value in fields.values()) + "\r\n\r\n"
