"""Draws docs/_static/architecture.svg from the imports of the package and its floors::

    python -m tools.draw_architecture

Each row is a floor, the lowest at the bottom. An arrow points from a package to one that it
imports; arrows implied by others are omitted.
"""

from __future__ import annotations

import itertools
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "_static" / "architecture.svg"

WIDTH = 860
ROW = 78
BOX_HEIGHT = 44
GAP = 14

IDEAS = {
    "__main__": "python -m tryconnect",
    "cli": "the command line",
    "doctor": "is this machine fit?",
    "sync": "without an event loop",
    "testing": "peers, good and bad",
    "web": "the probe server",
    "_survey": "millions of addresses",
    "_pyinstaller": "for frozen programs",
    "arrow": "record batches",
    "pandas": "data frames",
    "_api": "functions, one shared client a loop",
    "_client": "owns a session",
    "_keywords": "where a keyword belongs",
    "_check": "Target → Attempt → Report",
    "_runs": "many checks; checks over time",
    "_alerts": "telling people of changes",
    "_options": "read once",
    "_transport": "aiohttp, aiodns, sockets",
    "_address": "text → Target",
    "_decoding": "bytes → text",
    "_runtime": "loops, threads, the machine",
    "errors": "exceptions",
    "_model": "values",
    "_version": "",
}
"""The text of a box below its name."""


def floors() -> list[list[str]]:
    """Return the packages on each floor, from the top, as the contract has them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["id"] == "floors")
    return [[name.strip() for name in layer.split("|")] for layer in layers]


def imports() -> dict[str, set[str]]:
    """Return which packages each package imports, including imports for types only."""
    graph = grimp.build_graph("tryconnect", cache_dir=None)
    names = {name for floor in floors() for name in floor}
    found: dict[str, set[str]] = {name: set() for name in names}
    for module in graph.modules - {"tryconnect"}:
        package = module.split(".")[1]
        for imported in graph.find_modules_directly_imported_by(module):
            # The package itself stands for the functions that it exports.
            found[package].add("_api" if imported == "tryconnect" else imported.split(".")[1])
        found[package].discard(package)
    return found


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return a graph without the arrows implied by others (its transitive reduction)."""
    reach: dict[str, set[str]] = {}
    for node in TopologicalSorter(graph).static_order():
        reach[node] = graph[node].union(*(reach[each] for each in graph[node]))
    return {
        node: {each for each in targets if not any(each in reach[via] for via in targets)}
        for node, targets in graph.items()
    }


def boxes() -> dict[str, tuple[float, float, float]]:
    """Return the left edge, top edge and width of each package's box."""
    placed: dict[str, tuple[float, float, float]] = {}
    for number, floor in enumerate(floors()):
        wide = min(230.0, (WIDTH - GAP * (len(floor) + 1)) / len(floor))
        left = (WIDTH - len(floor) * wide - (len(floor) - 1) * GAP) / 2
        for name in floor:
            placed[name] = (left, GAP + number * ROW, wide)
            left += wide + GAP
    return placed


def svg() -> str:
    """Return the drawing as SVG."""
    placed = boxes()
    height = GAP + len(floors()) * ROW - (ROW - BOX_HEIGHT) + GAP
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'font-family="system-ui, sans-serif" text-anchor="middle">'
        ),
        "<title>The packages of tryconnect by floors; imports go down only</title>",
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#8a94a6"/></marker>'
            "</defs>"
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    graph = reduced(imports())
    for above, below in itertools.chain.from_iterable(
        [(name, each) for each in sorted(graph[name])] for name in placed
    ):
        lines.append(_arrow(placed[above], placed[below]))
    lines += [_box(name, *place) for name, place in placed.items()]
    return "\n".join([*lines, "</svg>", ""])


def _arrow(above: tuple[float, float, float], below: tuple[float, float, float]) -> str:
    x1, y1 = above[0] + above[2] / 2, above[1] + BOX_HEIGHT
    x2, y2 = below[0] + below[2] / 2, below[1] - 1
    middle = (y1 + y2) / 2
    path = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="#8a94a6" marker-end="url(#tip)"/>'


def _box(name: str, left: float, top: float, wide: float) -> str:
    private = name.startswith("_") and name != "__main__"
    fill, ink = ("#eef2f9", "#1b2a41") if private else ("#1f6f5c", "#fff")
    middle = left + wide / 2
    shown = [
        (
            f'<rect x="{left:.0f}" y="{top}" width="{wide:.0f}" height="{BOX_HEIGHT}" rx="6" '
            f'fill="{fill}" stroke="#b9c4d6"/>'
        ),
        (
            f'<text x="{middle:.0f}" y="{top + 19}" font-size="14" font-weight="600" '
            f'fill="{ink}">{escape(name)}</text>'
        ),
    ]
    if idea := IDEAS[name]:
        place = f'x="{middle:.0f}" y="{top + 35}"'
        shown.append(f'<text {place} font-size="11" fill="{ink}">{escape(idea)}</text>')
    return "".join(shown)


if __name__ == "__main__":
    PICTURE.write_text(svg(), "utf-8")
