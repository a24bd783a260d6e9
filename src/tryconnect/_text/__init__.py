"""Bytes and their declared type -> the text that a browser would show. Pure; never raises."""

from ._answer import Decoded, EncodingSource
from ._decoder import Decoder, decode
from ._labels import check_encoding

__all__ = ["Decoded", "Decoder", "EncodingSource", "check_encoding", "decode"]
