"""The programs of the cookbook do what it says, each in its real framework."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.ports import free_port
from tests.support.programs import ROOT
from tryconnect import sync
from tryconnect import testing as peers

pytestmark = pytest.mark.slow

COOKBOOK = ROOT / "examples/cookbook"
PAGE = ROOT / "docs/howto/cookbook.rst"
INSIDE, USER = (
    Path(__file__).with_name(f"{name}.py") for name in ("cookbook_inside", "textual_user")
)

OUTER = "TRYCONNECT_OUTER_NETWORK"
"""As in tests/support/own_network: the namespace in which nothing inside may run."""

STRICT = ("-X", "dev", "-W", "error")
CELERY = ("-W", "ignore:You're running the worker with superuser privileges")
"""How Celery runs: it calls what redis deprecates."""

COMPLAINTS = ("Traceback", "Warning", "never awaited", "never retrieved", "destroyed", "Unclosed")
START_TIMEOUT = 120.0
"""Seconds; frameworks take a few, and machines are busy."""


def test_the_page_shows_every_program() -> None:
    shown = re.findall(r"^\.\. literalinclude:: \.\./\.\./(\S+)$", PAGE.read_text(), re.MULTILINE)

    assert sorted(shown) == [f"examples/cookbook/{file.name}" for file in sorted(_programs())]


def test_every_program_is_short_and_tested() -> None:
    tests = "".join(file.read_text() for file in (Path(__file__), INSIDE, USER))

    for file in _programs():
        lines = [line for line in file.read_text().splitlines() if line]
        assert len(lines) <= 25, file
        assert max(map(len, lines)) <= 90, file  # the page is no wider
        assert file.stem in tests, file


def _programs() -> list[Path]:
    return [file for file in COOKBOOK.iterdir() if file.is_file()]


# --- how they are run


def _http_server(port: int = 0) -> AbstractContextManager[peers.HttpServer]:
    return peers.in_thread(peers.http_server(port=port))


@contextlib.contextmanager
def _program(
    *words: str, flags: tuple[str, ...] = STRICT, folder: Path = ROOT, **names: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a module in a folder, with these flags of Python's and names in its environment."""
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, *flags, "-m", *words],
        cwd=folder,
        env={**os.environ, **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            yield program
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)  # and the workers that it started


def _output(*words: str, **names: Any) -> tuple[int, str]:
    """Run a module to its end; return its exit code, and all that it printed."""
    with _program(*words, **names) as program:
        printed, _ = program.communicate(timeout=START_TIMEOUT)
    return program.returncode, printed


def _quiet(printed: str) -> None:
    """Fail if a program complained as it ended."""
    assert [word for word in COMPLAINTS if word in printed] == [], printed


def _until(log: Path, text: str) -> None:
    """Wait until a program's log has a text."""
    deadline = time.monotonic() + START_TIMEOUT
    while not (log.exists() and text in log.read_text()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


# --- web applications


class Server(NamedTuple):
    """How an application of the cookbook is served."""

    words: tuple[str, ...]

    @contextlib.contextmanager
    def running(self, needs: str, folder: Path = COOKBOOK) -> Iterator[str]:
        """Serve it, and yield where; at the end it must stop at Ctrl-C, and complain of nothing."""
        port = free_port()
        with _program(*self.words, "--port", str(port), folder=folder, SHOP_NEEDS=needs) as server:
            yield f"http://127.0.0.1:{port}/ready"
            server.send_signal(signal.SIGINT)
            printed, _ = server.communicate(timeout=START_TIMEOUT)

        assert server.returncode in {0, -signal.SIGINT, 128 + signal.SIGINT}, printed
        _quiet(printed)


STARLETTE = Server(("uvicorn", "starlette_app:app"))
FASTAPI = Server(("uvicorn", "fastapi_app:app"))
DJANGO = Server(("uvicorn", "shop.asgi:application"))
FLASK = Server(("flask", "--app", "flask_app", "run"))

served = pytest.mark.parametrize(
    "server",
    [
        pytest.param(STARLETTE, marks=pytest.mark.wants(module="uvicorn"), id="starlette"),
        pytest.param(FASTAPI, marks=pytest.mark.wants(module="uvicorn"), id="fastapi"),
        pytest.param(FLASK, marks=pytest.mark.wants(module="flask"), id="flask"),
    ],
)


@served
def test_an_application_is_ready_while_what_it_needs_answers(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        need = stack.enter_context(_http_server())
        with server.running(need.url) as url:
            _follows(url, need, stack)


@pytest.mark.wants(module="django")
@pytest.mark.wants(module="uvicorn")
def test_a_view_of_django_is_ready_while_what_it_needs_answers(tmp_path: Path) -> None:
    _django_project(tmp_path)
    with contextlib.ExitStack() as stack:
        need = stack.enter_context(_http_server())
        with DJANGO.running(need.url, tmp_path) as url:
            _follows(url, need, stack)


def _follows(url: str, need: peers.HttpServer, is_up: contextlib.ExitStack) -> None:
    """Stop what an application needs, and start it again; an error of the server is no answer."""
    sync.wait_until_up(url, timeout=START_TIMEOUT)

    assert _ready(url) == (200, ["ok"])
    is_up.close()
    assert _ready(url) == (503, ["refused"])
    with _http_server(need.port) as again:
        assert _ready(url) == (200, ["ok"])
        again.pages["/"] = peers.CannedResponse(status=500)
        assert _ready(url) == (503, ["status"])


def _ready(url: str) -> tuple[int, list[str]]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - ours
            return answer.status, [report["reason"] for report in json.load(answer)]
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, [report["reason"] for report in json.load(answer)]


@pytest.mark.wants(module="uvicorn")
def test_fastapi_starts_once_what_it_needs_is_up() -> None:
    port = free_port()
    with FASTAPI.running(f"http://127.0.0.1:{port}/") as url:
        with pytest.raises(TimeoutError, match="refused"):
            sync.wait_until_up(url, timeout=3)
        with _http_server(port):
            sync.wait_until_up(url, timeout=START_TIMEOUT)


@pytest.mark.wants(module="uvicorn")
def test_fastapi_says_what_it_waited_for(tmp_path: Path) -> None:
    program = (COOKBOOK / "fastapi_app.py").read_text().replace("timeout=60", "timeout=1")
    (tmp_path / "fastapi_app.py").write_text(program)
    code, printed = _output(*FASTAPI.words, folder=tmp_path, SHOP_NEEDS="tcp://127.0.0.1:1")

    assert code == 3, printed
    assert "not up within 1 s: tcp://127.0.0.1:1 (refused: nothing listens at" in printed


PROJECT = {
    "__init__.py": "",
    "apps.py": """
from django.apps import AppConfig

class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        from shop import checks
""",
    "settings.py": """
import os

SECRET_KEY = "secret"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["shop"]
SHOP_NEEDS = os.environ["SHOP_NEEDS"].split()
""",
    "urls.py": """
from django.urls import path
from shop import views

urlpatterns = [path("ready", views.ready)]
""",
    "asgi.py": """
import os
from django.core.asgi import get_asgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
application = get_asgi_application()
""",
}


def _django_project(folder: Path) -> None:
    shop = folder / "shop"
    shop.mkdir()
    for name, text in PROJECT.items():
        (shop / name).write_text(text)
    shutil.copy(COOKBOOK / "django_views.py", shop / "views.py")
    shutil.copy(COOKBOOK / "django_checks.py", shop / "checks.py")


@pytest.mark.wants(module="django")
def test_a_check_of_django_says_what_does_not_answer(tmp_path: Path) -> None:
    _django_project(tmp_path)
    words = ("django", "check", "--deploy", "--tag", "needs", "--settings", "shop.settings")

    def check(need: str) -> tuple[int, str]:
        return _output(*words, folder=tmp_path, SHOP_NEEDS=need)

    with _http_server() as need:
        assert check(need.url) == (0, "System check identified no issues (0 silenced).\n")
        code, printed = check(need.at("/status/500"))
    assert code == 1
    assert "(shop.E001) answered 500, where 2xx was expected" in printed
    assert "HINT: The reason is: status" in printed
    code, printed = check(need.url)
    assert code == 1
    assert f"(shop.E001) nothing listens at 127.0.0.1:{need.port}" in printed


# --- other programs


@pytest.mark.wants(module="celery", program="redis-server")
def test_a_task_of_celery_tries_again_until_the_server_is_back(tmp_path: Path) -> None:
    """The worker runs as people run it: on Redis, in processes of its own."""
    from tests.support.services import running  # noqa: PLC0415

    rates, redis, log = free_port(), free_port(), tmp_path / "log"
    broker = f"redis://127.0.0.1:{redis}/0"
    settings = {"SHOP_BROKER": broker, "SHOP_RESULTS": broker}

    def celery(*words: str) -> AbstractContextManager[subprocess.Popen[str]]:
        words = ("celery", "-A", "celery_app", *words)
        return _program(*words, flags=CELERY, folder=COOKBOOK, **settings)

    def ask(*words: str) -> str:
        with celery(*words) as program:
            printed, _ = program.communicate(timeout=START_TIMEOUT)
        assert program.returncode == 0, printed
        return printed.strip()

    with running("redis", redis):
        with celery("worker", "-l", "INFO", "-f", str(log), "-c", "1") as program:
            arguments = json.dumps([f"http://127.0.0.1:{rates}/rates"])
            task = ask("call", "celery_app.fetch_rates", "--args", arguments)
            _until(log, "Retry in ")
            assert f"nothing listens at 127.0.0.1:{rates}" in log.read_text()
            with _http_server(rates) as server:
                server.pages["/rates"] = peers.CannedResponse(b"EUR 1.08")
                assert ask("result", task) == "EUR 1.08"
            program.terminate()
            printed, _ = program.communicate(timeout=START_TIMEOUT)
        assert program.returncode == 0
    _quiet(printed)


def test_a_fixture_yields_a_server_that_is_up_and_ends_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest((COOKBOOK / "pytest_fixture.py").read_text())
    pytester.makepyfile("""
        import pathlib, urllib.request

        def test_it_answers(shop):
            assert urllib.request.urlopen(shop).status == 200
            pathlib.Path("url").write_text(shop)
    """)

    strict = ("-p", "no:asyncio", "-W", "error")
    pytester.runpytest_subprocess(*strict).assert_outcomes(passed=1)
    assert sync.probe((pytester.path / "url").read_text()).reason == "refused"


@pytest.mark.wants(module="textual")
def test_a_table_of_textual_follows_each_change() -> None:
    with _http_server() as need:
        port = need.port
    code, printed = _output("tests.docs.textual_user", str(port), SHOP_NEEDS=need.url)

    assert code == 0, printed
    _quiet(printed)
    seen = json.loads(printed.splitlines()[-1])
    assert seen[0] == "checking"
    assert seen[1] == f"nothing listens at 127.0.0.1:{port}"
    assert seen[2].startswith("answered 200 in ")
    assert len(seen) == 3


@pytest.mark.wants(module="nbclient")
@pytest.mark.wants(module="ipykernel")
def test_a_notebook_shows_a_report_as_a_row(tmp_path: Path) -> None:
    import nbformat  # noqa: PLC0415 - a friend of nbclient's

    cells = (COOKBOOK / "notebook.py").read_text().split("# %%\n")[1:]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    file = tmp_path / "notebook.ipynb"
    nbformat.write(notebook, file)
    with _http_server() as need:
        gone = f"http://127.0.0.1:{free_port()}/"
        code, printed = _output(
            "jupyter", "execute", "--inplace", str(file), SHOP_NEEDS=f"{need.url} {gone}"
        )

    assert code == 0, printed

    shown = [
        output["data"]["text/html"]
        for cell in nbformat.read(file, 4).cells
        for output in cell.outputs
    ]
    assert re.findall(r"<td>(ok|refused)</td>", "".join(shown)) == ["ok", "ok", "refused"]


# --- files of other systems


@pytest.mark.wants(namespaces=True, module="yaml", program="systemd-analyze")
@pytest.mark.wants(program="redis-server")
@pytest.mark.wants(program="pg_createcluster")
@pytest.mark.wants(module="pip")
def test_the_files_for_machines_work_on_a_machine_of_our_own() -> None:
    """There the names and ports are those of the files, and real services answer."""
    inside = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "", str(INSIDE)]
    done = subprocess.run(  # noqa: S603 - our own words
        ["unshare", "--net", "--mount", *inside],  # noqa: S607
        env={**os.environ, "PYTEST_ADDOPTS": "", OUTER: str(Path("/proc/self/ns/net").readlink())},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert re.search(r"=+ 4 passed in ", done.stdout), done.stdout
