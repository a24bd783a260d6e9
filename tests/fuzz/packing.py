"""Content codings from the sender's side, as far as they are installed."""

import functools
import gzip
import importlib
import zlib
from collections.abc import Callable

Packer = Callable[[bytes], bytes]


def _compressor(*names: str) -> Packer | None:
    """Return the function of the first of these modules that is installed."""
    for name in names:
        try:
            return importlib.import_module(name).compress  # type: ignore[no-any-return]
        except ImportError:
            continue
    return None


_OPTIONAL = {
    "br": _compressor("brotli"),
    "zstd": _compressor("compression.zstd", "backports.zstd"),
}
PACKERS: dict[str, Packer] = {
    "gzip": functools.partial(gzip.compress, mtime=0),
    "deflate": zlib.compress,
    **{name: packer for name, packer in _OPTIONAL.items() if packer},
}
"""The function that packs a body, by the name of its coding."""
