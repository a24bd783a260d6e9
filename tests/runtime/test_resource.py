"""What is opened in a loop is closed, or let go where nothing can be awaited."""

from __future__ import annotations

import asyncio

import pytest

from tryconnect._runtime.resource import AsyncResource


class Noted(AsyncResource):
    """Notes how it is left."""

    def __init__(self) -> None:
        self.left: list[str] = []

    async def aclose(self) -> None:
        self.left.append("closed")

    def _abandon(self) -> None:
        self.left.append("abandoned")


@pytest.mark.parametrize("error", [None, KeyError, asyncio.CancelledError])
async def test_leaving_it_closes_it_whatever_the_reason(
    error: type[BaseException] | None,
) -> None:
    noted = Noted()
    try:
        async with noted as entered:
            assert entered is noted
            assert noted.left == []
            if error is not None:
                raise error
    except (KeyError, asyncio.CancelledError) as raised:
        assert type(raised) is error  # noqa: PT017 - a cancellation is one of them
    assert noted.left == ["closed"]


async def test_a_coroutine_that_is_finalised_awaits_nothing() -> None:
    noted = Noted()

    async def hold() -> None:
        async with noted:
            await asyncio.Future()

    holding = hold()
    holding.send(None)
    holding.close()

    assert noted.left == ["abandoned"]


def test_nor_does_one_whose_loop_is_closed() -> None:
    noted = Noted()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(noted.__aenter__())
    loop.close()

    with pytest.raises(StopIteration):
        noted.__aexit__(None).send(None)

    assert noted.left == ["abandoned"]


async def test_what_needs_no_await_to_close_is_let_go() -> None:
    class Light(AsyncResource):
        def _abandon(self) -> None:
            self.left = True

    async with Light() as light:
        pass

    assert light.left
