"""A conversation with a service on the reactor: connect, say and hear what its greeting has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tryconnect._transport.attempt import Phase
from tryconnect._transport.dialogue import Dialogue
from tryconnect._transport.exchange import Exchange

if TYPE_CHECKING:
    from tryconnect._model.greeting import Greeting

__all__ = ["Conversation"]


class Conversation(Exchange):
    """An exchange in which both ends speak in turn; it answers with nothing once all is proven."""

    def __init__(self, greeting: Greeting, *exchange: Any) -> None:
        super().__init__(*exchange)
        self._dialogue = Dialogue(greeting)

    def _ask(self) -> None:
        self._trace.begin(Phase.response)
        self._send(self._dialogue.begin())

    def _take(self, data: bytes) -> None:
        dialogue = self._dialogue
        if not data:
            dialogue.end()
        try:
            following = dialogue.feed(data)
        finally:
            self._trace.head = dialogue.said
        if following:
            self._send(following)
        if dialogue.is_over:
            self._finish(b"")
