"""What the checks of one bulk run share of their look-ups."""

import socket
from typing import Any

import pytest

from tryconnect import Client
from tryconnect import testing as peers
from tryconnect._transport import answer_cache
from tryconnect._transport.addresses import Address
from tryconnect._transport.answer_cache import AnswerCache, OnDone
from tryconnect._transport.resolver import Resolver
from tryconnect.testing import dns

ANY = socket.AF_UNSPEC
HERE: list[Address] = [(socket.AF_INET, "127.0.0.1", 0, 0)]


class Asked:
    """Stands for a resolver: notes who asks, and answers when told to."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.open: list[OnDone] = []
        self.cancelled = 0
        self.error: OSError | None = None

    def look_up(self, host: str, family: int, on_done: OnDone) -> "Asked":
        self.names.append(f"{host} {int(family)}")
        self.open.append(on_done)
        return self

    def cancel(self) -> None:
        self.cancelled += 1

    def answer(self, error: Exception | None = None) -> None:
        self.open.pop(0)([] if error else HERE, error)


class AtOnce(Asked):
    """Answers before ``look_up`` returns, as of the hosts file."""

    def look_up(self, host: str, family: int, on_done: OnDone) -> Asked:
        super().look_up(host, family, on_done)
        self.answer()
        return self


class Ends(list[Any]):
    """The answers that came."""

    def __call__(self, addresses: list[Address], error: Exception | None) -> None:
        self.append(error or addresses)


def asking(source: Asked, cache: AnswerCache, *names: str) -> Ends:
    ends = Ends()
    for name in names:
        cache.look_up(source, name, ANY, ends)
    return ends


def test_a_name_is_looked_up_once_for_all_who_wait() -> None:
    source, cache = Asked(), AnswerCache()

    ends = asking(source, cache, "a.test", "a.test", "A.test")
    assert ends == []
    source.answer()

    assert ends == [HERE] * 3
    assert source.names == ["a.test 0"]


@pytest.mark.parametrize("kind", [Asked, AtOnce])
def test_what_was_found_is_used_for_a_while(
    kind: type[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    source, cache = kind(), AnswerCache()
    asking(source, cache, "a.test")
    if source.open:
        source.answer()

    now[0] = answer_cache.KEEP - 0.1
    assert asking(source, cache, "a.test") == [HERE]
    assert len(source.names) == 1

    now[0] = answer_cache.KEEP
    asking(source, cache, "a.test")
    assert len(source.names) == 2


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no"), True),
        (socket.gaierror(socket.EAI_AGAIN, "later"), False),
        (OSError("no"), False),
    ],
)
def test_of_failures_only_a_no_is_kept(error: OSError, *, kept: bool) -> None:
    source, cache = Asked(), AnswerCache()
    ends = asking(source, cache, "a.test", "a.test")
    source.answer(error)

    again = asking(source, cache, "a.test")

    assert [type(end) for end in ends] == [type(error)] * 2
    assert ends[0] is not ends[1]  # each is raised, and gets a traceback
    assert bool(again) is kept


def test_another_family_and_another_resolver_are_another_question() -> None:
    source, cache = Asked(), AnswerCache()

    cache.look_up(source, "a.test", ANY, Ends())
    cache.look_up(source, "a.test", socket.AF_INET, Ends())
    cache.look_up(Asked(), "a.test", ANY, Ends())

    assert source.names == ["a.test 0", f"a.test {int(socket.AF_INET)}"]


def test_who_leaves_takes_the_look_up_along_only_if_nobody_else_waits() -> None:
    source, cache, ends = Asked(), AnswerCache(), Ends()
    source.error = OSError("not confirmed")
    first, second = (cache.look_up(source, "a.test", ANY, ends) for _ in range(2))

    assert first.error is source.error
    first.cancel()
    first.cancel()
    assert source.cancelled == 0
    second.cancel()
    assert source.cancelled == 1

    asking(source, cache, "a.test")
    assert len(source.names) == 2
    assert ends == []


def test_the_oldest_go_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "MAX_NAMES", 2)
    source, cache = AtOnce(), AnswerCache()

    asking(source, cache, "a", "b", "c", "c", "b", "a")

    assert [name.split()[0] for name in source.names] == ["a", "b", "c", "a"]


def test_what_is_known_leaves_nothing_to_wait_for() -> None:
    source, cache = AtOnce(), AnswerCache()
    asking(source, cache, "a.test")

    pending = cache.look_up(source, "a.test", ANY, Ends())

    assert pending.error is None
    pending.cancel()


def test_a_look_up_that_cannot_begin_is_no_look_up_under_way() -> None:
    class Broken(Asked):
        def look_up(self, host: str, family: int, on_done: OnDone) -> Asked:
            super().look_up(host, family, on_done)
            raise MemoryError

    source, cache = Broken(), AnswerCache()
    for _ in range(2):
        with pytest.raises(MemoryError):
            asking(source, cache, "a.test")

    assert len(source.names) == 2


# --- in a run


@pytest.mark.slow
async def test_a_bulk_run_asks_once_for_many_addresses_and_the_next_run_asks_anew() -> None:
    zone: dict[str, dns.Answer | list[str]] = {"shop.test": dns.late(0.05, "127.0.0.1")}
    async with peers.http_server() as http, peers.dns_server(zone) as server:
        resolver = Resolver(**server.resolver_arguments)
        async with Client(proxy=None, resolver=resolver) as client:
            urls = [f"http://shop.test:{http.port}/{number}" for number in range(50)]
            for runs in (1, 2):
                reports = [report async for report in client.probe_many(urls)]
                assert all(reports)
                assert len(reports) == 50
                assert len(server.queries) == runs * 2
            for _ in range(2):
                assert await client.probe(f"tcp://shop.test:{http.port}")
            assert len(server.queries) == 8
        await resolver.close()
