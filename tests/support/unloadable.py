"""A module that cannot be loaded."""

from types import ModuleType
from typing import NoReturn

__all__ = ["Unloadable"]


class Unloadable(ModuleType):
    """A module whose loading fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__("broken")
        self.error = error

    def __getattr__(self, _: str) -> NoReturn:
        raise self.error
