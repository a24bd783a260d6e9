"""Names that only the system can look up, in few daemon threads."""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.leaks import Guard
from tests.support.limits import no_thread_to_be_had
from tryconnect._model.faults import LocalFault
from tryconnect._transport import system_lookup as module
from tryconnect._transport.addresses import Address
from tryconnect._transport.system_lookup import MAX_THREADS, SystemLookup, system_lookup

ANY = socket.AF_UNSPEC
HERE: list[Address] = [(socket.AF_INET, "127.0.0.1", 0, 0)]


class FakeSystem:
    """Stands for ``socket.getaddrinfo``: each look-up takes until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.threads: list[threading.Thread] = []
        self.let_go = threading.Event()
        self.answer: Any = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]

    def __call__(self, host: str, *_: object, **__: object) -> Any:
        self.asked.append(host)
        self.threads.append(threading.current_thread())
        assert self.let_go.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSystem]:
    resolver = FakeSystem()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.let_go.set()
    for thread in resolver.threads:
        thread.join(10)


class Ends(list[Any]):
    """The answers that came."""

    def __call__(self, addresses: list[Address], error: Exception | None) -> None:
        self.append(error or addresses)


def asking(*names: str) -> tuple[Ends, list[SystemLookup]]:
    ends = Ends()
    loop = asyncio.get_running_loop()
    return ends, [system_lookup(loop, name, ANY, ends) for name in names]


async def until(ends: Ends, count: int) -> None:
    while len(ends) < count:  # noqa: ASYNC110 - threads fill it
        await asyncio.sleep(0.001)


async def asked(system: FakeSystem, count: int) -> None:
    while len(system.asked) < count:  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0.001)


async def test_it_runs_in_a_daemon_thread(system: FakeSystem) -> None:
    system.let_go.set()
    ends, _ = asking("box.test")
    await until(ends, 1)

    (thread,) = system.threads
    assert thread.daemon
    assert thread.name.startswith("tryconnect-names-")
    assert thread is not threading.main_thread()
    assert ends == [HERE]


async def test_one_name_is_looked_up_once_for_all_who_wait(system: FakeSystem) -> None:
    ends, lookups = asking(*["box.test"] * 3)
    await asked(system, 1)
    lookups[0].cancel()
    system.let_go.set()
    await until(ends, 2)

    assert system.asked == ["box.test"]


async def test_there_are_eight_threads_at_most_and_they_end(system: FakeSystem) -> None:
    ends, _ = asking(*(f"n{number}.test" for number in range(20)))
    await asked(system, MAX_THREADS)
    assert len(set(system.threads)) == MAX_THREADS == 8

    system.let_go.set()
    await until(ends, 20)
    for thread in set(system.threads):
        thread.join(10)

    assert len(set(system.threads)) == MAX_THREADS
    assert sorted(system.asked) == sorted(f"n{number}.test" for number in range(20))


async def test_a_name_that_nobody_waits_for_any_more_is_not_looked_up(system: FakeSystem) -> None:
    ends, _ = asking(*(f"n{number}.test" for number in range(MAX_THREADS)))
    await asked(system, MAX_THREADS)
    _, (first, second) = asking("late.test", "late.test")
    first.cancel()
    second.cancel()
    second.cancel()
    system.let_go.set()
    await until(ends, MAX_THREADS)

    assert "late.test" not in system.asked


async def test_a_cancelled_look_up_tells_nothing(system: FakeSystem) -> None:
    ends, (lookup,) = asking("box.test")
    await asked(system, 1)
    system.let_go.set()
    system.threads[0].join(10)
    lookup.cancel()  # its answer is on the way
    await asyncio.sleep(0)

    assert ends == []


def test_an_answer_for_a_closed_loop_is_dropped(system: FakeSystem, leak_guard: Guard) -> None:
    async def leave() -> None:
        asking("box.test")
        await asked(system, 1)

    asyncio.run(leave())
    system.let_go.set()
    system.threads[0].join(10)

    assert not leak_guard.expect_complaints()


NO_NAME = socket.EAI_NONAME
ERRORS = [
    (socket.gaierror(socket.EAI_NONAME, "no"), NO_NAME),
    (socket.gaierror(socket.EAI_AGAIN, "later"), socket.EAI_AGAIN),
    (socket.gaierror(socket.EAI_FAIL, "no"), socket.EAI_FAIL),
    (OSError(16, "a service is missing"), socket.EAI_FAIL),
    (UnicodeError("label too long"), NO_NAME),
    *(
        (socket.gaierror(getattr(socket, name), "no"), NO_NAME)
        for name in ("EAI_NODATA", "EAI_ADDRFAMILY")
        if hasattr(socket, name)
    ),
]


@pytest.mark.parametrize(("error", "number"), ERRORS)
async def test_what_the_system_raises(error: Exception, number: int, system: FakeSystem) -> None:
    system.answer = error
    system.let_go.set()
    ends, _ = asking("box.test")
    await until(ends, 1)

    assert isinstance(ends[0], socket.gaierror)
    assert ends[0].errno == number


async def test_a_link_local_address_keeps_its_interface(system: FakeSystem) -> None:
    system.answer = [(socket.AF_INET6, 1, 6, "", ("fe80::1%lo", 0, 0, 3))]
    system.let_go.set()
    ends, _ = asking("box.test")
    await until(ends, 1)

    assert ends == [[(socket.AF_INET6, "fe80::1", 3, 0)]]


@pytest.mark.skipif(sys.platform != "linux", reason="a stack that is too large for Linux")
async def test_without_a_thread_it_is_our_own_machines_fault(system: FakeSystem) -> None:
    with no_thread_to_be_had(), pytest.raises(LocalFault, match="another thread"):
        asking("box.test")

    system.let_go.set()
    ends, _ = asking("box.test")
    await until(ends, 1)
    assert system.asked == ["box.test"]


@pytest.mark.skipif(sys.platform != "linux", reason="likewise")
async def test_where_some_threads_run_they_do_the_work_of_those_that_cannot_be_started(
    system: FakeSystem,
) -> None:
    ends, _ = asking("first.test")
    await asked(system, 1)
    with no_thread_to_be_had():
        more, _ = asking("second.test")
    system.let_go.set()
    await until(ends, 1)
    await until(more, 1)

    assert len(set(system.threads)) == 1


def test_the_child_of_a_fork_has_all_threads_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = module._Threads()
    threads._running = MAX_THREADS
    monkeypatch.setattr(module, "_threads", threads)

    module._after_fork()

    assert module._threads._running == 0
