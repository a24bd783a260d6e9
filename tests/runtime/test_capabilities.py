"""What a loop cannot do, seen in a failure and remembered by its class."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Iterator

import pytest

from tests.support.event_loops import FACTORIES
from tests.support.loops.minimal import SlottedLoop
from tests.support.loops.planted import PlantedLoop, planted
from tryconnect._runtime.capabilities import LoopCapabilities


@pytest.fixture
def loop() -> Iterator[PlantedLoop]:
    made = planted()()
    yield made
    made.close()


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def met(error: BaseException, context: BaseException) -> BaseException:
    error.__context__ = context
    return error


ERRORS = {
    "nothing": (None, False),
    "another": (OSError(), False),
    "a runtime error": (RuntimeError(), False),  # its base class
    "itself": (NotImplementedError(), True),
    "a cause": (caused(OSError(), NotImplementedError()), True),
    "a cause of a cause": (caused(OSError(), caused(OSError(), NotImplementedError())), True),
    "a context": (met(OSError(), NotImplementedError()), True),
    "somebody else's attribute": (AttributeError(name="sock_connect", obj=object()), False),
}


@pytest.mark.parametrize(("error", "answer"), ERRORS.values(), ids=ERRORS)
def test_an_error_that_says_it(
    error: BaseException | None,
    answer: bool,  # noqa: FBT001
    loop: PlantedLoop,
) -> None:
    assert LoopCapabilities(loop).is_missing_feature(error) is answer
    assert loop.run_until_complete(LoopCapabilities(loop).is_to_blame(error)) is answer


def test_an_error_that_causes_itself(loop: PlantedLoop) -> None:
    error = OSError()
    error.__context__ = caused(OSError(), error)
    assert not LoopCapabilities(loop).is_missing_feature(error)


HIDING = [OSError("Multiple exceptions: …"), IndexError(), caused(RuntimeError(), OSError("…"))]
OPEN = [OSError(111, "refused"), ConnectionResetError(), TimeoutError(), KeyError()]


@pytest.mark.parametrize("lacks", ["connect", ""])
@pytest.mark.parametrize("error", [*HIDING, *OPEN], ids=repr)
def test_where_an_error_may_hide_it_the_loop_is_tried(error: Exception, lacks: str) -> None:
    loop = planted(lacks)()
    try:
        answer = loop.run_until_complete(LoopCapabilities(loop).is_to_blame(error))
    finally:
        loop.close()

    assert answer is bool(error in HIDING and lacks)
    assert loop.tried == (["connect"] if error in HIDING else [])


def test_a_sound_loop_passes_the_trial() -> None:
    for make in FACTORIES.values():
        loop = make()
        assert not loop.run_until_complete(LoopCapabilities(loop).is_to_blame(HIDING[0]))
        loop.close()


def test_a_method_that_the_loop_has_not_got() -> None:
    loop = SlottedLoop()
    with pytest.raises(AttributeError) as caught:
        loop.sock_connect  # type: ignore[attr-defined] # noqa: B018
    assert LoopCapabilities(loop).is_missing_feature(caught.value)  # type: ignore[arg-type]


def test_what_is_lacking_is_remembered_for_each_scheme_and_class(loop: PlantedLoop) -> None:
    assert not LoopCapabilities(loop).lacks("https")

    LoopCapabilities(loop).lacking("https")

    assert LoopCapabilities(loop).lacks("https")
    assert not LoopCapabilities(loop).lacks("http")
    other, like = planted()(), type(loop)()
    assert not LoopCapabilities(other).lacks("https")
    assert LoopCapabilities(like).lacks("https")
    other.close()
    like.close()


def test_nothing_is_kept_alive_by_it() -> None:
    loop = planted()()
    LoopCapabilities(loop).lacking("http")
    loop.close()
    kind, gone = weakref.ref(type(loop)), weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None
    assert kind() is None


def test_a_loop_whose_clock_is_the_walls_lacks_everything(
    loop: PlantedLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "time", time.time)
    assert LoopCapabilities(loop).lacks("tcp")


async def test_a_sound_loop_lacks_nothing() -> None:
    abilities = LoopCapabilities(asyncio.get_running_loop())
    assert not any(abilities.lacks(scheme) for scheme in ("http", "https", "tcp", "unix"))
