"""A label, as a header, a page or a caller writes it -> the name of an encoding."""

import codecs

import webencodings  # type: ignore[import-untyped]

# Text codecs of Python that a caller cannot ask for, because they cannot answer every body.
_REFUSED = frozenset(
    {
        *("idna", "punycode", "undefined"),  # refuse errors="replace"
        *("unicode-escape", "raw-unicode-escape"),  # warn
        "utf-32",  # refuses a body without a mark
        "utf-7",  # keeps all since its last shift, and reads it again with each piece
        *("mbcs", "oem"),  # mean something else on each machine, and only on Windows
    }
)


def web_name(label: str) -> str | None:
    """Return the WHATWG name, in lower case, of a label; None for a label browsers ignore.

    Encoding Standard, "get an encoding". The labels are ASCII: anything else names nothing.
    """
    encoding = webencodings.lookup(label) if label.isascii() else None
    return None if encoding is None else encoding.name


def check_encoding(label: str) -> str:
    """Return the name of the encoding that a caller's ``encoding=`` asks for.

    Args:
        label: A WHATWG label ("gb2312", "latin1"), which is understood as browsers do, or the name
            of a Python text codec that browsers lack ("cp037"), which is obeyed to the letter.

    Raises:
        ValueError: No such encoding, or one that cannot decode arbitrary bytes.
    """
    name = web_name(label)
    if name is not None:
        return name
    codec = _text_codec(label)
    if codec is None:
        raise ValueError(
            f"encoding must be a WHATWG label or the name of a Python text codec, not {label!r}"
        )
    return web_name(codec.name.replace("_", "-")) or codec.name


def _text_codec(label: str) -> codecs.CodecInfo | None:
    """Return the Python codec, if it can decode any bytes piece by piece."""
    try:
        codec = codecs.lookup(label)
    except (LookupError, ValueError):  # ValueError: a NUL or a surrogate in the name
        return None
    if codec.name.replace("_", "-") in _REFUSED or codec.incrementaldecoder is None:
        return None
    try:
        b"a".decode(label)
    except LookupError:  # it turns bytes into bytes, as hex does, or text into text (bpo-7475)
        return None
    except ValueError:
        pass  # these bytes are no text in it
    return codec
