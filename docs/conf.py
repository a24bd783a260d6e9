"""Sphinx: ``sphinx-build -W -n -b html docs docs/_build/html``, without the internet."""
# ruff: noqa: INP001 - Sphinx runs this file by its path

from __future__ import annotations

import ast
import asyncio
import inspect
import pkgutil
import re
import sys
from collections import ChainMap
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aiohttp import web
from docutils import nodes
from sphinx.ext.autodoc.mock import mock

from tryconnect._version import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "tryconnect"
author = "The tryconnect developers"
project_copyright = f"2026, {author}"
release = version = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"tryconnect {release}"
html_static_path = ["_css"]
html_css_files = ["tryconnect.css"]

autodoc_member_order = "bysource"
autodoc_mock_imports = [name for name in ("pyarrow", "pandas") if find_spec(name) is None]
autodoc_typehints = "signature"
python_display_short_literal_types = True
python_maximum_signature_line_length = 88

# What the documents use of others' inventories, as `python -m tools.write_inventories` wrote it: a
# build asks no address.
intersphinx_mapping = {
    name: (address, f"_inventories/{name}.inv")
    for name, address in {
        "python": "https://docs.python.org/3",
        "aiohttp": "https://docs.aiohttp.org/en/stable",
        "yarl": "https://yarl.aio-libs.org/en/latest",
        "pandas": "https://pandas.pydata.org/docs",
    }.items()
}
nitpick_ignore_regex = [
    # They have no inventory, or it lacks the name.
    ("py:class", r"(dns|pyarrow|trustme)\..*|re\.Pattern"),
    # Types that have no name for users.
    ("py:class", r"tryconnect\..*\.(ClientOptions|HostResolver|Progress|P)"),
]


# --- the types in signatures, as readers know them

DOORS = ("arrow", "doctor", "pandas", "sync", "testing", "testing.dns", "testing.tls", "web")
BORROWED = {
    "tryconnect:survey": ("_survey.options", "_survey.api", "_survey.result"),
    "tryconnect.sync:Client": ("_client",),
}
"""Whose signature is another's, and the modules that know its names."""

ALIASES = {
    name: type(name, (), {"__module__": "tryconnect"})
    for name in ("Address", "Addresses", "ExpectLike")
}
"""Classes in place of aliases, which Sphinx would spell out."""


def _load_types() -> None:
    """Import what modules import for type checkers alone, so that annotations can be evaluated."""
    for module in (*(f"tryconnect.{door}" for door in DOORS), "pytest_tryconnect.fixtures"):
        import_module(module)
    ours = {"tryconnect", "pytest_tryconnect"}
    for module in [sys.modules[name] for name in sys.modules if name.partition(".")[0] in ours]:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                block = compile(ast.Module(node.body, []), str(module.__file__), "exec")
                exec(block, vars(module))  # noqa: S102 - our own code
        vars(module).update({name: ALIASES[name] for name in ALIASES.keys() & vars(module)})


def _name_types() -> None:
    """Evaluate signatures that autodoc cannot, and give classes their public names."""
    for path, lenders in BORROWED.items():
        door = pkgutil.resolve_name(path)
        names = ChainMap(*(vars(sys.modules[f"tryconnect.{each}"]) for each in lenders))
        whole = inspect.signature(door)
        known = [
            each.replace(annotation=eval(each.annotation, {}, names))  # noqa: S307 - our own code
            for each in whole.parameters.values()
        ]
        door.__signature__ = whole.replace(parameters=known)
    web.Application.__module__ = "aiohttp.web"
    asyncio.AbstractEventLoop.__module__ = "asyncio"


def _readable(*event: Any) -> tuple[str | None, str | None]:
    """Return a signature with ``...`` for a default that is no expression."""
    *_, signature, returns = event
    if signature:
        signature = re.sub(r" \| [\w.~]*ByClient\b", "", signature)
        signature = re.sub(r"<(by the client|factory)>", "...", signature)
    return signature, returns


def _shorten_names(_app: Sphinx, document: nodes.document) -> None:
    """Show the types of attributes without the modules that they come from, which are private."""
    for text in list(document.findall(nodes.Text)):
        if found := re.fullmatch(r"tryconnect\._[\w.]+\.(\w+)", text):
            text.parent.replace(text, nodes.Text(found[1]))


# --- links of papers that stand outside


def _link_documents(_app: Sphinx, _path: object, _name: str, content: list[str]) -> None:
    """Make links to files of the repository, in what a page includes, lead to their pages."""
    link = re.compile(r"`([^`<]+?)\s+<(?:docs)?/?([\w/-]+)\.rst>`__")
    content[0] = link.sub(lambda found: f":doc:`{found[1]} </{found[2].lower()}>`", content[0])


# --- numbers in tables

NUMBER = re.compile(
    r"[<>≤≥≈~÷×]? ?[-−+]?\d[\d,.]*( (of|to|–) [\d,.]+)?"  # noqa: RUF001 - as written
    r"( ?(%|×|[nµm]?s|min|h|[KMGT]i?B|B|million|billion)(/s)?)?|–|-|"  # noqa: RUF001 - likewise
)


def _align_numbers(_app: Sphinx, document: nodes.document) -> None:
    """Give the cells of a column that has only numbers the class ``number``."""
    for table in document.findall(nodes.tgroup):
        rows = list(table.findall(nodes.row))
        body = [row.children for row in rows if isinstance(row.parent, nodes.tbody)]
        if len({len(row) for row in rows}) > 1:  # cells span columns
            continue
        for number, column in enumerate(zip(*body, strict=True)):
            texts = [cell.astext().strip() for cell in column]
            if any(texts) and all(map(NUMBER.fullmatch, texts)):
                for row in rows:
                    row[number]["classes"].append("number")


def setup(app: Sphinx) -> None:
    """Prepare what autodoc reads, and what becomes of links and tables."""
    with mock(autodoc_mock_imports):
        _load_types()
        _name_types()
    app.connect("autodoc-process-signature", _readable)
    app.connect("doctree-read", _shorten_names)
    app.connect("include-read", _link_documents)
    app.connect("doctree-read", _align_numbers)
