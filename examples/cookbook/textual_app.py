"""Textual: a table that follows what the shop needs, from each change to the next."""

import os

from textual.app import App, ComposeResult
from textual.widgets import DataTable

import tryconnect

NEEDS = os.environ["SHOP_NEEDS"].split()


class Needs(App[None]):
    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="none")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(("Address", "address"), ("State", "state"))
        for address in NEEDS:
            table.add_row(address, "checking", key=address)
            self.run_worker(self.follow(table, address))

    async def follow(self, table: DataTable[str], address: str) -> None:
        async for report in tryconnect.watch(address, every=2, timeout=5):
            table.update_cell(address, "state", report.detail, update_width=True)


if __name__ == "__main__":
    Needs().run()
