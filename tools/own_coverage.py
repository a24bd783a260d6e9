"""How much of each module its own test file covers, ``tests/<package>/test_<module>.py``::

    python -m tools.own_coverage [PACKAGE …]

Without a package, the pure ones. ``COVERED_BY`` names the file that covers a module which has none
of its own name.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tryconnect"

PURE = ("_model", "_decoding", "_address")
"""Packages without a socket, a loop or a clock: each module's own file covers it."""

ENOUGH = 95
"""Per cent of a pure module's lines and branches."""

COVERED_BY: dict[str, str] = {
    "_runtime/spare_loop": "tests/promises/test_no_descriptors.py",
    "__main__": "tests/cli/test_cli.py",
    "_alerts/send": "tests/alerts/test_channels.py",
    "_check/loading": "tests/cli/test_light_start.py",
    "_check/messages": "tests/check/test_verdict.py",
    "_check/preparation": "tests/promises/test_first_check.py",
    "_check/redirects": "tests/check/test_http.py",
    "_check/session": "tests/test_client.py",
    "_keywords": "tests/test_api.py",
    "_options": "tests/test_client.py",
    "_pyinstaller/hook-tryconnect": "tests/promises/test_packed.py",
    "_pyinstaller/hook-tryconnect.cli": "tests/promises/test_packed.py",
    "_pyinstaller/hook-tryconnect.web": "tests/promises/test_packed.py",
    "_runs/keyed": "tests/survey/test_batches.py",
    "_runs/source": "tests/runs/test_bulk.py",
    "_runs/watching": "tests/runs/test_patterns.py",
    "_runs/workers": "tests/runs/test_bulk.py",
    "_runtime/at_exit": "tests/promises/test_exit.py",
    "_runtime/clock": "tests/runs/test_waiting.py",
    "_runtime/greenlets": "tests/sync/test_greenlets.py",
    "_survey/api": "tests/survey/test_survey.py",
    "_survey/engine": "tests/survey/test_survey.py",
    "_survey/files": "tests/survey/test_survey.py",
    "_survey/guard": "tests/survey/test_survey.py",
    "_survey/here": "tests/survey/test_survey.py",
    "_survey/inputs": "tests/survey/test_survey.py",
    "_survey/parts": "tests/survey/test_survey.py",
    "_survey/preloaded": "tests/survey/test_survey.py",
    "_survey/progress": "tests/survey/test_survey.py",
    "_survey/report": "tests/survey/test_survey.py",
    "_survey/result": "tests/survey/test_survey.py",
    "_survey/run": "tests/survey/test_survey.py",
    "_transport/addr_infos": "tests/transport/test_dialer.py",
    "_transport/attempt": "tests/check/test_verdict.py",
    "_transport/conversation": "tests/promises/test_services.py",
    "_transport/dialogue": "tests/promises/test_services.py",
    "_transport/name_lookup": "tests/transport/test_resolver.py",
    "_transport/name_settings": "tests/transport/test_resolver.py",
    "_transport/tls_stream": "tests/transport/test_exchange.py",
    "_version": "tests/test_api.py",
    "arrow": "tests/survey/test_batches.py",
    "cli/_arguments": "tests/cli/test_cli.py",
    "cli/_live": "tests/cli/test_watch.py",
    "cli/_parser": "tests/cli/test_cli.py",
    "cli/_progress": "tests/cli/test_check.py",
    "cli/help": "tests/cli/test_cli.py",
    "cli/survey": "tests/survey/test_survey.py",
    "doctor/_api": "tests/doctor/test_machine_checks.py",
    "doctor/_bounded": "tests/doctor/test_machine_checks.py",
    "doctor/_certificates": "tests/doctor/test_machine_checks.py",
    "doctor/_clock": "tests/doctor/test_loop_checks.py",
    "doctor/_dispatch": "tests/doctor/test_loop_checks.py",
    "doctor/_examination": "tests/doctor/test_machine_checks.py",
    "doctor/_findings": "tests/doctor/test_machine_checks.py",
    "doctor/_hosts": "tests/doctor/test_machine_checks.py",
    "doctor/_ipv6": "tests/doctor/test_machine_checks.py",
    "doctor/_limits": "tests/doctor/test_machine_checks.py",
    "doctor/_name_servers": "tests/doctor/test_machine_checks.py",
    "doctor/_proxy": "tests/doctor/test_machine_checks.py",
    "doctor/_servers": "tests/doctor/test_machine_checks.py",
    "doctor/_sockets": "tests/doctor/test_loop_checks.py",
    "doctor/_threads": "tests/doctor/test_loop_checks.py",
    "pandas": "tests/survey/test_batches.py",
    "sync/_client": "tests/sync/test_sync.py",
    "sync/_iterators": "tests/sync/test_sync.py",
    "sync/_runner": "tests/sync/test_shutdown.py",
    "testing/_encoded": "tests/testing/test_http.py",
    "testing/_ports": "tests/testing/test_misbehaving.py",
    "testing/_replies": "tests/testing/test_misbehaving.py",
    "testing/_serve": "tests/testing/test_http.py",
    "testing/_threaded": "tests/testing/test_fixtures.py",
    "testing/_tls_connection": "tests/testing/test_tls.py",
    "testing/_unix": "tests/testing/test_misbehaving.py",
    "testing/certificates": "tests/testing/test_tls.py",
    "web/_address_list": "tests/web/test_api.py",
    "web/_app": "tests/web/test_api.py",
    "web/_delivery": "tests/web/test_events.py",
    "web/_history_queries": "tests/web/test_history.py",
    "web/_history_schema": "tests/web/test_history.py",
    "web/_keys": "tests/web/test_api.py",
    "web/_metrics": "tests/web/test_prometheus.py",
    "web/_probe_debug": "tests/web/test_blackbox.py",
    "web/_problems": "tests/web/test_api.py",
    "web/_server_tls": "tests/web/test_reload.py",
    "web/_targets": "tests/web/test_watcher.py",
    "web/_targets_schema": "tests/web/test_reload.py",
    "web/_virtual_host": "tests/web/test_security.py",
    "web/_watched": "tests/web/test_watcher.py",
}
"""Modules of other packages that have no test file of their name -> the file that covers them."""


def modules(package: str = "") -> list[str]:
    """Return the modules of a package, or of all, as ``_model/report``."""
    files = (SOURCE / package).rglob("*.py")
    names = (path.relative_to(SOURCE).with_suffix("").as_posix() for path in files)
    return sorted(name for name in names if not name.endswith("__init__"))


def own_tests(module: str) -> str:
    """Return the test file that is named after a module, or the one in the table."""
    return COVERED_BY.get(module) or named_after(module)


def named_after(module: str) -> str:
    """Return where a module's own test file would be."""
    package, _, name = module.rpartition("/")
    folder = f"tests/{package.lstrip('_')}".rstrip("/")
    return f"{folder}/test_{name.lstrip('_')}.py"


def own_coverage(module: str) -> float:
    """Run a module's own test file in a process of its own; return how much of it that covers.

    In a process with other tests, what those left in caches would not be run again.

    Returns:
        Per cent of its lines and branches.
    """
    file = f"src/tryconnect/{module}.py"
    with tempfile.TemporaryDirectory() as folder:
        # Of one file: tracing and parsing all of them takes four times as long.
        options = (f"--include={file}", f"--data-file={folder}/data")
        tests = ("-m", "pytest", "-n0", "-m", "not slow and not wants", "-p", "no:cacheprovider")
        _coverage("run", "--rcfile=", "--branch", *options, *tests, own_tests(module))
        _coverage("json", "--fail-under=0", *options, "-o", f"{folder}/report.json")
        files = json.loads(Path(folder, "report.json").read_text("utf-8"))["files"]
    return float(files[file]["summary"]["percent_covered"])


def _coverage(*arguments: str) -> None:
    command = [sys.executable, "-m", "coverage", *arguments]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command} fails:\n{done.stdout[-2000:]}{done.stderr}")


def main() -> None:
    """Print each module's figure, the lowest first."""
    parser = argparse.ArgumentParser(description=__doc__.partition("::")[0])
    parser.add_argument("packages", nargs="*", default=PURE, metavar="PACKAGE")
    packages = parser.parse_args().packages
    figures = {module: own_coverage(module) for each in packages for module in modules(each)}
    for module, percent in sorted(figures.items(), key=lambda item: item[1]):
        print(f"{percent:6.1f} %  {module:34} {own_tests(module)}")


if __name__ == "__main__":
    main()
