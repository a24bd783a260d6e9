"""What stands in for ada-url where there is none: Windows on ARM, PyPy, free-threaded builds.

Paths and queries come out the same.  Names are read by the ``idna`` package, which refuses more
than browsers do (symbols such as ``☕``) and reads none otherwise.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from tryconnect._model.lazy_pattern import lazy_pattern

__all__ = ["ascii_host", "request_target"]


def ascii_host(host: str) -> str:
    """Return a host in ASCII.

    Raises:
        ValueError: it cannot be read.
    """
    import idna

    name = unquote_to_bytes(host).decode()
    return name.lower() if name.isascii() else idna.encode(name, uts46=True).decode("ascii")


def request_target(reference: str, base: str) -> str:
    """Return the path and query that a URL or a reference to the base's host leads to.

    Args:
        reference: ``http://h`` and a tail, or ``http:`` and what is relative to the base.
        base: ``http://h`` and a path with a query.
    """
    base_path, base_mark, base_query = base.removeprefix("http://h").partition("?")
    whole = reference.startswith("http://h")
    tail = reference.removeprefix("http://h" if whole else "http:").partition("#")[0]
    path, mark, query = tail.partition("?")
    path = path.replace("\\", "/")
    if not path and not whole:
        path = base_path
        if not mark:
            mark, query = base_mark, base_query
    elif not path.startswith("/"):
        path = f"{'/' if whole else base_path[: base_path.rindex('/') + 1]}{path}"
    return f"{_without_dots(_encoded(_IN_PATH, path))}{mark}{_encoded(_IN_QUERY, query)}"


# The "path percent-encode set" and the "special-query percent-encode set" of the standard.
_IN_PATH = lazy_pattern(r"[^!$-;=@-\]_a-z|~]+")
_IN_QUERY = lazy_pattern(r"[^!$-&(-;=?-~]+")
_DOT = lazy_pattern("%2e", re.IGNORECASE)


def _encoded(forbidden: re.Pattern[str], text: str) -> str:
    return forbidden.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    *segments, last = path.split("/")[1:]
    for segment in segments:
        if (meant := _DOT.sub(".", segment)) == "..":
            del kept[-1:]
        elif meant != ".":
            kept.append(segment)
    if (meant := _DOT.sub(".", last)) == "..":
        del kept[-1:]
    return "/".join(["", *kept, "" if meant in {".", ".."} else last])
