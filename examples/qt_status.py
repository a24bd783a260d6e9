"""A window that shows which addresses answer, checks them repeatedly, and stays responsive.

Run it from a checkout, with tryconnect and its dependency group ``loops`` installed::

    python examples/qt_status.py [--loop qasync | qtasyncio] [ADDRESS ...]

The two event loops are very different: qasync's supports sockets, PySide6's own QtAsyncio does not.
Nothing below depends on which one runs it, because ``Client(loop="auto")`` works in both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPointF, QRectF, Qt
from PySide6.QtGui import QCloseEvent, QColor, QPainter, QPen
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

import tryconnect

if TYPE_CHECKING:
    from collections.abc import Coroutine

STATE, ADDRESS, REASON, LATENCY, HISTORY, DETAIL = range(6)
HEAD = ("", "Address", "Reason", "Latency", "", "What happened")

GREEN, RED, GREY, INK = (QColor(name) for name in ("#2da44e", "#d1242f", "#8c959f", "#1f2328"))

ROLE = Qt.ItemDataRole.UserRole

STYLE = """
QWidget { background: #ffffff; color: #1f2328; font-size: 13px; }
QLabel#title { font-size: 20px; font-weight: 600; }
QLabel#count { color: #59636e; }
QLineEdit { border: 1px solid #d1d9e0; border-radius: 6px; padding: 7px 10px; }
QLineEdit:focus { border-color: #0969da; }
QPushButton { border: 1px solid #d1d9e0; border-radius: 6px; padding: 7px 16px;
              background: #f6f8fa; font-weight: 600; }
QPushButton:hover { background: #eff2f5; }
QPushButton:disabled { color: #afb8c1; }
QPushButton#watch { background: #1f883d; border-color: #1f883d; color: #ffffff; }
QPushButton#watch:hover { background: #1a7f37; }
QTableWidget { border: 1px solid #d1d9e0; border-radius: 6px; }
QTableWidget::item { border-bottom: 1px solid #eff2f5; padding: 0 8px; }
QHeaderView::section { background: #f6f8fa; color: #59636e; border: none;
                       border-bottom: 1px solid #d1d9e0; padding: 8px; font-weight: 600; }
"""


@dataclass
class Row:
    """One address of the list: its cells, its recent latencies, and its task."""

    cells: list[QTableWidgetItem]
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=30))
    task: asyncio.Task[None] | None = None


class Window(QWidget):
    """The window.

    Args:
        client: An open client, which runs the checks.
        every: Seconds between two checks of an address.
        timeout: Seconds for one check.
    """

    def __init__(
        self, client: tryconnect.Client, *, every: float = 2.0, timeout: float = 5.0
    ) -> None:
        super().__init__()
        self._client, self._every, self._timeout = client, every, timeout
        self.rows: list[Row] = []
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        title = QLabel("Who answers?", objectName="title")
        self.count = QLabel("", objectName="count")
        self.address = QLineEdit(placeholderText="example.com, localhost:8000, tcp://db:5432 …")
        self.watch_button = QPushButton("Watch", objectName="watch")
        self.stop_button = QPushButton("Stop", enabled=False)
        self.table = _table()
        self.address.returnPressed.connect(self._watch_typed)
        self.watch_button.clicked.connect(self._watch_typed)
        self.stop_button.clicked.connect(self.stop)

        top = QHBoxLayout()
        for widget in (self.address, self.watch_button, self.stop_button):
            top.addWidget(widget)
        head = QHBoxLayout()
        head.addWidget(title)
        head.addStretch()
        head.addWidget(self.count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 20)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addLayout(top)
        layout.addWidget(self.table)
        self.setWindowTitle("tryconnect")
        self.setStyleSheet(STYLE)
        self.resize(920, 420)

    def watch(self, address: str) -> None:
        """Add an address to the list, and start to follow it."""
        number = self.table.rowCount()
        self.table.insertRow(number)
        row = Row([QTableWidgetItem() for _ in HEAD])
        for column, cell in enumerate(row.cells):
            self.table.setItem(number, column, cell)
        row.cells[ADDRESS].setText(address)
        row.cells[LATENCY].setTextAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
        self._paint(row, GREY, "…", "the first check is running")
        row.task = asyncio.get_running_loop().create_task(self._follow(row, address))
        self.rows.append(row)
        self.stop_button.setEnabled(True)

    def stop(self) -> None:
        """Cancel all checks, including running ones."""
        for row in self.rows:
            if row.task is not None:
                row.task.cancel()
        self.stop_button.setEnabled(False)

    async def ended(self) -> None:
        """Wait until no check is running."""
        for row in self.rows:
            if row.task is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await row.task

    async def _follow(self, row: Row, address: str) -> None:
        try:
            while True:
                report = await self._client.probe(address, timeout=self._timeout)
                self._show(row, report)
                if report.reason is tryconnect.Reason.invalid_address:
                    return  # it can never answer
                await asyncio.sleep(self._every)
        except asyncio.CancelledError:
            self._paint(row, GREY, "stopped", row.cells[DETAIL].text())
            raise

    def _show(self, row: Row, report: tryconnect.Report) -> None:
        if report.timings.total:  # otherwise nothing was tried
            row.latencies.append(report.timings.total)
            row.cells[LATENCY].setText(f"{report.timings.total * 1000:.0f} ms")
            row.cells[HISTORY].setData(ROLE, list(row.latencies))
        self._paint(row, GREEN if report else RED, report.reason, report.detail.partition("\n")[0])

    def _paint(self, row: Row, colour: QColor, reason: str, detail: str) -> None:
        row.cells[STATE].setData(ROLE, colour)
        row.cells[HISTORY].setData(ROLE + 1, colour)
        row.cells[REASON].setText(reason)
        row.cells[REASON].setForeground(colour if colour != GREEN else INK)
        row.cells[DETAIL].setText(detail)
        row.cells[DETAIL].setToolTip(detail)
        up = sum(each.cells[STATE].data(ROLE) == GREEN for each in self.rows)
        self.count.setText(f"{up} of {self.table.rowCount()} answer")

    def _watch_typed(self) -> None:
        if address := self.address.text().strip():
            self.watch(address)
            self.address.clear()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Let the program end."""
        self.stop()
        if not self.closed.done():
            self.closed.set_result(None)
        event.accept()


def _table() -> QTableWidget:
    table = QTableWidget(0, len(HEAD))
    table.setHorizontalHeaderLabels(HEAD)
    table.setItemDelegateForColumn(STATE, Dot(table))
    table.setItemDelegateForColumn(HISTORY, History(table))
    table.setShowGrid(False)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(38)
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    header.setStretchLastSection(True)
    for column, width in {STATE: 36, ADDRESS: 240, REASON: 130, LATENCY: 80, HISTORY: 110}.items():
        table.setColumnWidth(column, width)
    return table


class Dot(QStyledItemDelegate):
    """Paints a state as a coloured dot."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one cell."""
        super().paint(painter, option, index)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(index.data(ROLE) or GREY)
        painter.drawEllipse(QRectF(option.rect).center(), 5, 5)
        painter.restore()


class History(QStyledItemDelegate):
    """Paints the recent latencies as a line, the highest at the top."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one cell."""
        super().paint(painter, option, index)
        latencies = index.data(ROLE) or []
        area = QRectF(option.rect).adjusted(12, 11, -12, -11)
        step, highest = area.width() / 29, max(latencies, default=0) or 1
        line = [
            QPointF(area.left() + number * step, area.bottom() - area.height() * each / highest)
            for number, each in enumerate(latencies)
        ]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(index.data(ROLE + 1) or GREY, 1.6))
        painter.drawPolyline(line)
        painter.restore()


async def show(addresses: list[str]) -> None:
    """Show the window until it is closed."""
    async with tryconnect.Client(loop="auto") as client:
        window = Window(client)
        window.show()
        for address in addresses:
            window.watch(address)
        await window.closed
        await window.ended()


def run(work: Coroutine[Any, Any, None], loop: str) -> None:
    """Run a coroutine in one of Qt's event loops, as documented."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)  # the coroutine ends the program
    if loop == "qasync":
        from qasync import QEventLoop  # noqa: PLC0415 - only one of them is needed

        with QEventLoop(app) as qt_loop:
            qt_loop.run_until_complete(work)
    else:
        from PySide6 import QtAsyncio  # noqa: PLC0415 - likewise

        QtAsyncio.run(work, keep_running=False)


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--loop", choices=["qasync", "qtasyncio"], default="qasync")
    parser.add_argument("addresses", nargs="*", metavar="ADDRESS")
    options = parser.parse_args()
    run(show(options.addresses), options.loop)


if __name__ == "__main__":
    main()
