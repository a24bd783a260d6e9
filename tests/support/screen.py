"""A virtual screen for windows that require one."""

import contextlib
import subprocess
from collections.abc import Iterator


@contextlib.contextmanager
def screen(size: str = "320x240") -> Iterator[str]:
    """Run an X server in memory (Debian's ``xvfb``); yields its ``DISPLAY``."""
    with subprocess.Popen(  # noqa: S603 - our own words
        ["Xvfb", "-displayfd", "1", "-nolisten", "tcp", "-screen", "0", f"{size}x24"],  # noqa: S607
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield f":{server.stdout.readline().strip()}"
        finally:
            server.terminate()
