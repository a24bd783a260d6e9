"""The same as qt_status.py for Tk, which has no asyncio event loop: asyncio drives the window.

Run it from a checkout, with tryconnect installed; Tk comes with Python::

    python examples/tk_status.py [ADDRESS ...]

asyncio's own loop runs the program and lets Tk draw sixty times a second. The checks run in the
portal, a separate thread, so a hundred at once do not slow the window down.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tkinter as tk
from tkinter import ttk

import tryconnect

FRAME = 1 / 60
"""Seconds between two updates of the window."""

COLUMNS = {"address": 250, "reason": 130, "latency": 80, "detail": 400}
HEAD = {"address": "Address", "reason": "Reason", "latency": "Latency", "detail": "What happened"}
COLOURS = {"up": "#1a7f37", "down": "#d1242f", "unknown": "#59636e"}


class Window:
    """The window.

    Args:
        client: An open client, which runs the checks.
        every: Seconds between two checks of an address.
        timeout: Seconds for one check.
    """

    def __init__(
        self, client: tryconnect.Client, *, every: float = 2.0, timeout: float = 5.0
    ) -> None:
        self._client, self._every, self._timeout = client, every, timeout
        self.tasks: list[asyncio.Task[None]] = []
        self.root = tk.Tk()
        self.is_open = True
        self.root.title("tryconnect")
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        self._styled()
        page = ttk.Frame(self.root, padding=20)
        page.pack(fill="both", expand=True)
        ttk.Label(page, text="Who answers?", style="Title.TLabel").grid(sticky="w", pady=(0, 12))
        self.address = ttk.Entry(page, font=("DejaVu Sans", 10))
        self.address.grid(row=1, column=0, sticky="ew", ipady=5)
        self.watch_button = ttk.Button(page, text="Watch", command=self._watch_typed)
        self.watch_button.grid(row=1, column=1, padx=(12, 0))
        self.stop_button = ttk.Button(page, text="Stop", command=self.stop)
        self.stop_button.grid(row=1, column=2, padx=(12, 0))
        self.list = ttk.Treeview(page, columns=[*COLUMNS], show="headings", height=7)
        for name, width in COLUMNS.items():
            self.list.heading(name, text=HEAD[name], anchor="w")
            self.list.column(name, width=width, anchor="e" if name == "latency" else "w")
        for state, colour in COLOURS.items():
            self.list.tag_configure(state, foreground=colour)
        self.list.grid(row=2, column=0, columnspan=3, sticky="nsew", pady=(12, 0))
        page.columnconfigure(0, weight=1)
        page.rowconfigure(2, weight=1)
        self.address.bind("<Return>", lambda _: self._watch_typed())
        self.address.focus_set()

    def watch(self, address: str) -> None:
        """Add an address to the list, and start to follow it."""
        row = self.list.insert(
            "", "end", values=(address, "…", "", "the first check is running"), tags="unknown"
        )
        self.tasks.append(asyncio.get_running_loop().create_task(self._follow(row, address)))

    def stop(self) -> None:
        """Cancel all checks, including running ones."""
        for task in self.tasks:
            task.cancel()

    def close(self) -> None:
        """Let the program end."""
        self.stop()
        self.is_open = False

    async def turn(self) -> None:
        """Let Tk process events until the window is closed and no check is running."""
        while self.is_open:
            self.root.update()
            await asyncio.sleep(FRAME)
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.root.destroy()

    async def _follow(self, row: str, address: str) -> None:
        try:
            while True:
                report = await self._client.probe(address, timeout=self._timeout)
                self._show(row, report)
                if report.reason is tryconnect.Reason.invalid_address:
                    return  # it can never answer
                await asyncio.sleep(self._every)
        except asyncio.CancelledError:
            self.list.set(row, "reason", "stopped")
            self.list.item(row, tags="unknown")
            raise

    def _show(self, row: str, report: tryconnect.Report) -> None:
        total = report.timings.total
        latency = f"{total * 1000:.0f} ms" if total else ""
        detail = report.detail.partition("\n")[0]
        self.list.item(
            row,
            values=(report.address, report.reason, latency, detail),
            tags="up" if report else "down",
        )

    def _watch_typed(self) -> None:
        if address := self.address.get().strip():
            self.watch(address)
            self.address.delete(0, "end")

    def _styled(self) -> None:
        style = ttk.Style(self.root)
        style.theme_use("clam")
        style.configure(".", background="#ffffff", foreground="#1f2328", font=("DejaVu Sans", 10))
        style.configure("Title.TLabel", font=("DejaVu Sans", 15, "bold"))
        style.configure("TButton", padding=(14, 6), background="#f6f8fa")
        style.configure("Treeview", rowheight=32, fieldbackground="#ffffff", borderwidth=0)
        style.configure("Treeview.Heading", background="#f6f8fa", foreground="#59636e", padding=6)
        style.configure("Treeview.Heading", relief="flat", font=("DejaVu Sans", 10, "bold"))


async def show(addresses: list[str]) -> None:
    """Show the window until it is closed."""
    async with tryconnect.Client(loop="portal") as client:
        window = Window(client)
        for address in addresses:
            window.watch(address)
        await window.turn()


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("addresses", nargs="*", metavar="ADDRESS")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(show(parser.parse_args().addresses))


if __name__ == "__main__":
    main()
