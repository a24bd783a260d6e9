"""Bytes and their declared type become the text that a browser would show; nothing is raised."""

from tryconnect._decoded import Decoded, EncodingSource
from tryconnect._text._decoder import Decoder, decode
from tryconnect._text._labels import check_encoding

__all__ = ["Decoded", "Decoder", "EncodingSource", "check_encoding", "decode"]
