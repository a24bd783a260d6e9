"""libcurl's multi interface, through pycurl."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers._workers import OK

if TYPE_CHECKING:
    from benchmarks.work import Tally, Work

__all__ = ["multi"]


def multi(work: Work, tally: Tally) -> None:
    """Headers only, without keep-alive."""
    pycurl: Any = import_module("pycurl")
    all_of_them = pycurl.CurlMulti()
    urls = work.urls()
    began: dict[Any, float] = {}

    def start(handle: Any) -> None:
        url = next(urls, None)
        if url is not None:
            handle.setopt(pycurl.URL, url)
            began[handle] = time.perf_counter()
            all_of_them.add_handle(handle)

    def end(handle: Any) -> None:
        took = time.perf_counter() - began.pop(handle)
        tally.note(handle.getinfo(pycurl.RESPONSE_CODE) == OK, took)
        all_of_them.remove_handle(handle)
        start(handle)

    for handle in (pycurl.Curl() for _ in range(work.at_once)):
        handle.setopt(pycurl.WRITEFUNCTION, lambda _: 0)  # closes the connection at the body
        handle.setopt(pycurl.TIMEOUT_MS, int(work.timeout * 1000))
        handle.setopt(pycurl.FRESH_CONNECT, 1)
        if work.ca is not None:
            handle.setopt(pycurl.CAINFO, work.ca)
        start(handle)
    while began:
        all_of_them.perform()
        _, done, failed = all_of_them.info_read(work.at_once)
        for handle in [*done, *(each for each, *_ in failed)]:
            end(handle)
        all_of_them.select(1.0)
