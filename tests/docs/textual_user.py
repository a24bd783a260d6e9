"""Uses the cookbook's Textual program by Textual's pilot; prints each state that its table showed.

The server that it follows appears once the table says that nothing listens.
"""

import asyncio
import json
import sys

from textual.widgets import DataTable

from examples.cookbook.textual_app import Needs
from tryconnect import testing as peers

STEP = 0.02


async def next_state(app: Needs, last: str = "") -> str:
    """Return the table's state once it is another."""
    table = app.query_one(DataTable)
    while table.get_row_at(0)[1] == last:  # noqa: ASYNC110 - a table tells nobody of its changes
        await asyncio.sleep(STEP)
    return str(table.get_row_at(0)[1])


async def main(port: int) -> None:
    app = Needs()
    async with app.run_test() as pilot:
        first = await next_state(app)
        down = await next_state(app, first)
        async with peers.http_server(port=port):
            up = await next_state(app, down)
        await pilot.press("ctrl+q")
    print(json.dumps([first, down, up]))  # noqa: T201 - to the test


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
