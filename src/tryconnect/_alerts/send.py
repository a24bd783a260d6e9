"""A process of its own that sends one notification by Apprise; ``channels.Notification`` starts it.

It reads one JSON object: ``urls``, and ``title``, ``body`` and ``type``, or ``check``. The last
line that it writes says what failed, without any part of a URL but its schema.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

from tryconnect._alerts.channels import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["main"]


def main() -> int:
    """Send the notification that standard input describes."""
    message = json.load(sys.stdin)
    logging.disable()  # Apprise's log has addresses and answers
    failed = [*_failures(message)]
    print("; ".join(failed))  # noqa: T201 - the parent reads it
    return 1 if failed else 0


def _failures(message: dict[str, Any]) -> Iterable[str]:
    from apprise import Apprise  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415

    for number, url in enumerate(message["urls"], 1):
        name = f"URL {number} ({url.partition(':')[0]})"
        service = Apprise.instantiate(url, suppress_exceptions=True)
        if not service:
            yield f"{name}: Apprise cannot read it"
        elif REFUSED & {*_words(service.protocol), *_words(service.secure_protocol)}:
            yield f"{name}: it is refused"
        elif "check" not in message:
            apprise = Apprise()
            apprise.add(service)
            words = {key: message[key] for key in ("title", "body")}
            if not apprise.notify(**words, notify_type=message["type"]):
                yield f"{name}: not delivered"


def _words(protocol: str | Iterable[str] | None) -> set[str]:
    if protocol is None:
        return set()
    return {protocol} if isinstance(protocol, str) else {*protocol}


if __name__ == "__main__":
    raise SystemExit(main())
