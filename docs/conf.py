"""Sphinx: ``sphinx-build -W -n -b html docs docs/_build/html``, without the internet."""
# ruff: noqa: INP001 - Sphinx runs this file by its path

from tryconnect._version import __version__

project = "tryconnect"
author = "The tryconnect developers"
project_copyright = f"2026, {author}"
release = version = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"tryconnect {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {name: name for name in ("Address", "Addresses", "ExpectLike")}
python_display_short_literal_types = True
python_maximum_signature_line_length = 88

# What the names of others mean stands in their documents, on the internet.
nitpick_ignore_regex = [
    (r"py:.*", r"(collections|contextlib|datetime|re|socket|ssl|asyncio)\..*"),
    (r"py:.*", r"(aiohttp|yarl|trustme|dns)\..*"),
    (r"py:.*", r"Opening|(.*\.)?P|AbstractAsyncContextManager|(dict|tuple)\[str"),
    (r"py:.*", r"Address(es)?|IPAddress|ExpectLike|URL|SSLContext|HostResolver"),
    (r"py:.*", r"Mapping|Path|datetime|web\.Application"),
]
