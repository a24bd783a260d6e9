"""pytest, conftest.py: a fixture that starts a server, and yields once it is up."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tryconnect import sync


@pytest.fixture(scope="session")
def shop() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with subprocess.Popen(command) as server:
        try:
            sync.wait_until_up(url, timeout=30)
            yield url
        finally:
            server.terminate()
