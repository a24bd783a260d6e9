"""The event loops under investigation: each runs one coroutine as documented."""

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any, Final

Work = Coroutine[Any, Any, None]


def stock(work: Work) -> None:
    """Run in asyncio's own loop."""
    asyncio.run(work)


def uvloop(work: Work) -> None:
    """Run in uvloop."""
    importlib.import_module("uvloop").run(work)


def qasync(work: Work) -> None:
    """Run in qasync's loop, over Qt's."""
    app = importlib.import_module("PySide6.QtWidgets").QApplication([])
    with importlib.import_module("qasync").QEventLoop(app) as loop:
        loop.run_until_complete(work)


def qtasyncio(work: Work) -> None:
    """Run in PySide6's own loop."""
    _app = importlib.import_module("PySide6.QtWidgets").QApplication([])
    importlib.import_module("PySide6.QtAsyncio").run(work, keep_running=False)


LOOPS: Final[dict[str, Callable[[Work], None]]] = {
    "stock": stock,
    "uvloop": uvloop,
    "qasync": qasync,
    "QtAsyncio": qtasyncio,
}

_PACKAGES: Final = {"uvloop": "uvloop", "qasync": "qasync", "QtAsyncio": "PySide6_Addons"}


def title(loop: str) -> str:
    """Return a loop's name with its version; the stock one has Python's."""
    return f"{loop} {version(_PACKAGES[loop])}" if loop in _PACKAGES else loop
