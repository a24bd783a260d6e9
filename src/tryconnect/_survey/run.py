"""A survey from its input to its data set: plan, engine, lanes, and what is left at the end."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tryconnect._model.expect import as_expect
from tryconnect._survey import plan
from tryconnect._survey.files import INNER, is_locked, locked, sweep
from tryconnect._survey.guard import refuse_unguarded
from tryconnect._survey.progress import Progress
from tryconnect._survey.result import Survey
from tryconnect.errors import Reason, TryConnectError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from tryconnect._survey.lanes import Lanes
    from tryconnect._survey.options import Options
    from tryconnect._survey.parts import How
    from tryconnect._survey.plan import Part

__all__ = ["run_survey"]

_ROWS_PER_SORT = 200_000
_PLAN = "plan.json"
_OWN = "survey.lock"
_COPIES = ("input-*.arrow", "split-*.arrow")
"""The input as it is, secrets and all."""

_LEFT_BEHIND = 20.0
"""Seconds that parts of a run that was killed have to end."""


def run_survey(
    source: Any, out: str | Path, options: Options, *, caller: FrameType | None
) -> Survey:
    """Carry out a survey; see :func:`tryconnect.survey`.

    Args:
        source: See there.
        out: See there.
        options: See there.
        caller: Whose module the workers will import.
    """
    _require("pyarrow", "arrow")
    if options.engine == "dask":
        _require("distributed", "dask")
        if options.scheduler is None:
            refuse_unguarded(caller)
            _prepare_workers()
    return _surveyed(source, Path(out), options)


def _surveyed(source: Any, folder: Path, options: Options) -> Survey:
    inner = folder / INNER
    inner.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(inner):
        if options.overwrite:
            _wipe(folder)
        planning = _Planning(folder, options, source)
        planning.check()
        if planning.is_complete():
            return _result(folder, planning.lanes, options.format, {}, options.limit)
        with _engine(options) as machine:
            return _on(machine, planning, options)


def _on(machine: Any, planning: _Planning, options: Options) -> Survey:
    """Carry a survey out on an engine."""
    from tryconnect._survey.lanes import Lanes  # noqa: PLC0415 - an extra

    on_progress = options.on_progress or (lambda _: None)
    progress = Progress(workers=len(machine.workers()))
    on_progress(progress)
    _end_what_is_left(planning.inner, machine)
    lanes = planning.plan(machine)
    running = Lanes(
        planning.folder,
        lanes,
        _how(options),
        machine,
        rate=options.rate,
        tell=lambda: _tell(progress, running, machine, on_progress),
    )
    progress.parts = sum(map(len, lanes))
    progress.total = sum(part.rows for lane in lanes for part in lane)
    return _run(planning.folder, lanes, running)


def _how(options: Options) -> How:
    from tryconnect._survey.batches import CheckOptions  # noqa: PLC0415 - an extra
    from tryconnect._survey.parts import How  # noqa: PLC0415 - as above

    expected = as_expect(options.expect)
    return How(
        CheckOptions(
            options.limit, options.per_host, float(options.timeout), expected, options.client
        ),
        format=options.format,
        show_secrets=options.show_secrets,
        by_host=options.by_host,
        rate_per_host=options.rate_per_host,
        canaries=tuple(options.canaries),
    )


def _require(module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise TryConnectError(f"a survey needs {module}: pip install 'tryconnect[{extra}]'")


@contextlib.contextmanager
def _alone(inner: Path) -> Any:
    try:
        with locked(inner / _OWN):
            yield
    except BlockingIOError:
        raise TryConnectError(f"another survey is writing to {inner.parent}") from None


def _wipe(folder: Path) -> None:
    import shutil  # noqa: PLC0415 - not to load it with the package

    for pattern in ("part-*.parquet", "part-*.jsonl"):
        for path in folder.glob(pattern):
            path.unlink()
    for path in (folder / INNER).iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _OWN:
            path.unlink()


def _engine(options: Options) -> Any:
    if options.engine == "none":
        from tryconnect._survey.here import Here  # noqa: PLC0415 - imports pyarrow

        return Here()
    from tryconnect._survey.engine import Dask  # noqa: PLC0415 - an extra

    return Dask(
        options.scheduler,
        workers=options.workers,
        insecure=options.insecure_scheduler,
        dashboard=options.dashboard,
    )


def _prepare_workers() -> None:
    """Begin to import what workers need, in a process that they are forked from."""
    if sys.platform == "linux":
        from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415 - not everywhere

        resource_tracker.ensure_running()  # which would unblock the signal
        forkserver.set_forkserver_preload(["tryconnect._survey.preloaded"])
        # Ctrl-C reaches all processes of a terminal, also those that are just being made: whoever
        # is forked there inherits the mask, and says nothing.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_what_is_left(inner: Path, machine: Any) -> None:
    """Wait until no worker of a run that was killed is at a part any more."""
    from tryconnect._survey.parts import LOCK  # noqa: PLC0415 - an extra

    machine.halt()
    until = time.monotonic() + _LEFT_BEHIND
    while is_locked(inner / LOCK):
        if time.monotonic() > until:
            raise TryConnectError(f"workers of another run are still at parts of {inner.parent}")
        time.sleep(0.05)
    machine.resume()
    sweep(inner)


class _Planning:
    """The plan of a survey: the one that is there, or a new one."""

    def __init__(self, folder: Path, options: Options, source: Any) -> None:
        from tryconnect._survey import inputs  # noqa: PLC0415 - an extra

        keep = options.keep
        self._inputs = inputs
        self.folder = folder
        self.inner = folder / INNER
        self._file = self.inner / _PLAN
        self._source = source
        self._reading = inputs.Reading(
            options.input_format, options.column, None if keep is None else tuple(keep)
        )
        known = inputs.fingerprint(source)
        self._settings = options.of_plan() | {"input": known}
        self._known = known
        self._spooled: Any = None
        self.lanes: list[list[Part]] | None = None

    def check(self) -> None:
        """Read the plan that is there.

        Raises:
            ValueError: It is another one.
        """
        if not self._file.exists():
            if any(self.folder.glob("part-*")):
                raise ValueError(f"{self.folder} has parts, and no plan: choose another folder")
            self._write(None)
            return
        settings, self.lanes = plan.read(self._file.read_text("utf-8"))
        written = False
        if self._known is None:
            # What is in memory has no name: its content is compared.
            if self.lanes is not None:
                # A generator can be read once: what may be needed again is written with that.
                written = not self.is_complete() and not self._has_input()
                self._spooled = self._spool(write=written)
                self._settings["input"] = _content(self._spooled)
            else:
                settings["input"] = self._settings["input"]
        differing = sorted(
            name for name, value in self._settings.items() if settings.get(name) != value
        )
        if differing:
            if written:
                sweep(self.inner, *_COPIES)
            raise ValueError(
                f"{self.folder} holds a survey with another {', '.join(differing)}: choose "
                "another folder, or overwrite it"
            )

    def is_complete(self) -> bool:
        """Return whether there is nothing left to do."""
        from tryconnect._survey.parts import done  # noqa: PLC0415 - an extra

        kind = self._settings["format"]
        return self.lanes is not None and all(
            done(self.folder / f"{part.name}.{kind}") is not None
            for lane in self.lanes
            for part in lane
        )

    def plan(self, machine: Any) -> list[list[Part]]:
        """Return the lanes, whose input is there then."""
        if self.lanes is not None and self._has_input():
            return self.lanes
        rows: int = self._settings["rows_per_part"]
        by_host: bool = self._settings["by_host"]
        spooled = self._spooled or self._spool(write=True)
        if self._known is None:
            self._settings["input"] = _content(spooled)
        if by_host:
            from tryconnect._survey.lanes import called  # noqa: PLC0415 - an extra

            arguments = [(str(self.inner), name) for name, _ in spooled.files]
            files = called(machine, self._inputs.sort_by_host, arguments)
            lanes = plan.lanes_by_host(files, rows)
            sweep(self.inner, "input-*.arrow")
        else:
            lanes = plan.lanes_by_rows(spooled.files)
        self.lanes = lanes
        self._write(lanes)
        return lanes

    def _spool(self, *, write: bool) -> Any:
        """Read the input, and write it into the survey's own folder, or only look at it."""
        rows: int = self._settings["rows_per_part"]
        size = max(rows, _ROWS_PER_SORT) if self._settings["by_host"] else rows
        found = self._inputs.batches(self._source, self._reading)
        if not write:
            return self._inputs.spool(found, None, size)
        sweep(self.inner, *_COPIES)  # of a run that was killed, perhaps with another input
        try:
            return self._inputs.spool(found, self.inner, size)
        except BaseException:
            sweep(self.inner, *_COPIES)
            raise

    def _has_input(self) -> bool:
        names = {each.file for lane in self.lanes or () for part in lane for each in part.slices}
        return all((self.inner / name).exists() for name in names)

    def _write(self, lanes: list[list[Part]] | None) -> None:
        from tryconnect._survey.files import appearing  # noqa: PLC0415 - only here

        with appearing(self._file, private=True) as path:
            Path(path).write_text(plan.written(self._settings, lanes), "utf-8")


def _content(spooled: Any) -> list[Any]:
    return [sum(rows for _, rows in spooled.files), spooled.digest]


def _tell(
    progress: Progress, running: Lanes, machine: Any, on_progress: Callable[[Progress], object]
) -> None:
    progress.finished = running.finished
    progress.counts = running.counts
    progress.checked = min(running.counts.total() + machine.in_flight(), progress.total)
    on_progress(progress)


def _run(folder: Path, lanes: list[list[Part]], running: Lanes) -> Survey:
    try:
        running.run()
    finally:
        sweep(folder / INNER)
    failed = {name: f"{type(error).__name__}: {error}" for name, error in running.failed.items()}
    if not failed:
        sweep(folder / INNER, *_COPIES)
    limit = running.how.options.limit
    return _result(folder, lanes, running.how.format, failed, min([limit, *running.limits]))


def _result(folder: Path, lanes: Any, kind: str, failed: Mapping[str, str], limit: int) -> Survey:
    from tryconnect._survey.parts import done  # noqa: PLC0415 - an extra

    counts: Counter[Reason] = Counter()
    files = []
    for part in (part for lane in lanes for part in lane):
        file = folder / f"{part.name}.{kind}"
        if (found := done(file)) is not None:
            files.append(file)
            counts.update({Reason[reason]: count for reason, count in found.items()})
    return Survey(folder, counts, sorted(files), failed, limit)
