"""What is said to a service, and whether its answers are those of one: no socket, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._model.faults import Disconnected, WrongService
from tryconnect._model.greeting import compiled, recognised

if TYPE_CHECKING:
    from tryconnect._model.greeting import Greeting

__all__ = ["Dialogue"]

_ENOUGH = 4096
"""Bytes of an answer within which its proof has to stand."""


class Dialogue:
    """One conversation with a service, from the client's end.

    Args:
        greeting: how the service answers.

    Attributes:
        said: all that has come.
        is_over: the service has said what it should.
    """

    def __init__(self, greeting: Greeting) -> None:
        self.said = b""
        self.is_over = False
        self._greeting = greeting
        self._left = [*greeting.exchange]
        self._answer = b""

    def begin(self) -> bytes:
        """Return what is sent first; it may be nothing."""
        return self._left[0][0]

    def feed(self, data: bytes) -> bytes:
        """Take what has come; return what is sent next.

        Raises:
            WrongService: it is not what the service says.
        """
        self.said = (self.said + data)[:_ENOUGH]
        self._answer += data
        while (proof := compiled(self._left[0][1]).match(self._answer)) is not None:
            self._answer = self._answer[proof.end() :]
            del self._left[0]
            if not self._left:
                self.is_over = True
                return self._greeting.goodbye
            if following := self._left[0][0]:
                return following
        if self._is_refuted():
            raise WrongService
        return b""

    def end(self) -> None:
        """Take note that the peer has hung up.

        Raises:
            WrongService: it had said something else.
            Disconnected: it had said nothing.
        """
        raise WrongService if self.said else Disconnected

    def _is_refuted(self) -> bool:
        answer = self._answer
        if len(answer) > _ENOUGH or compiled(self._greeting.refutes).match(answer) is not None:
            return True
        other = recognised(answer)
        # The beginning of its own greeting may look like one of several.
        return other is not None and self._greeting.name not in other.name
