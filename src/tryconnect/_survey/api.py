"""The function :func:`tryconnect.survey`; how one is done is loaded when it is called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Unpack

from tryconnect._survey.options import Options, read_options

if TYPE_CHECKING:
    from pathlib import Path

    from tryconnect._survey.options import SurveyOptions
    from tryconnect._survey.result import Survey

__all__ = ["survey"]


def survey(source: Any, out: str | Path, **options: Unpack[SurveyOptions]) -> Survey:
    """Check millions of addresses, on all processors or a cluster, and write the reports as files.

    It blocks until all is done. The input is cut into parts, each of which ends as one file in
    ``out``: whole, or not at all. If it is interrupted, or a machine dies, the same call goes on:
    what is done is not checked again, and each row is there once. It needs the extra ``dask``, or,
    with ``engine="none"``, ``arrow``. Workers import the script that calls it: call it under
    ``if __name__ == "__main__":``.

    Args:
        source: A file's name, or a list of ``pathlib.Path``; an iterable of addresses; or Arrow
            data or a data frame.
        out: A folder for the reports, which all workers share.
        engine: ``"dask"``, or ``"none"``: all in this process.
        scheduler: A Dask cluster that is there: its address, the ``pathlib.Path`` of its scheduler
            file, or a ``distributed.Client``. ``None``: workers on this machine.
        workers: How many processes on this machine; ``None``: one for each processor.
        input_format: ``"lines"``, ``"csv"``, ``"parquet"`` or ``"jsonl"``; ``None``: by the
            file's suffix, and lines for those unknown.
        column: Where the addresses are, but for lines.
        keep: Other columns to keep; ``None``: all.
        format: ``"parquet"`` or ``"jsonl"``.
        limit: How many checks run at the same time in each process.
        per_host: How many of one host, in the whole survey; ``None``: no limit of its own.
        rate: How many begin in a second, in the whole survey; ``None``: any number.
        rate_per_host: The same for each host.
        timeout: Seconds for each check.
        expect: As in :func:`probe`.
        client: Options of :class:`Client`, such as ``{"user_agent": "…"}``.
        canaries: Addresses that answer. If none does where many checks fail, the worker is cut
            off, and its part goes to another one. Without any, hosts that answered before serve.
        rows_per_part: How many addresses a part has, about.
        overwrite: Begin anew where ``out`` holds a survey.
        insecure_scheduler: Connect to a scheduler elsewhere without TLS: whoever reaches it runs
            code as you.
        dashboard: Show Dask's dashboard, on this machine's port 8787; it needs bokeh.
        show_secrets: Keep passwords, queries and fragments of addresses, which are otherwise
            ``***``. Only you can read the files then.
        on_progress: Is called about once a second, with an object that has the numbers ``total``,
            ``parts``, ``finished`` (parts), ``checked`` and ``workers``, and ``counts`` by reason.

    Raises:
        ValueError: An option makes no sense, or ``out`` holds another survey.
        TypeError: The source holds something that is no address.
        TryConnectError: An extra is missing, the workers are of another version, or none of them
            reaches a canary.

    Example:
        >>> survey = tryconnect.survey(["127.0.0.1:1", "http://["], "reports", engine="none")
        >>> for reason, count in sorted(survey.counts.items()):
        ...     print(reason, count)
        invalid_address 1
        refused 1

    .. versionadded:: 0.1
    """
    given = read_options(options)
    from tryconnect._survey.run import run_survey  # noqa: PLC0415 - few programs make surveys

    frame = inspect.currentframe()
    return run_survey(source, out, given, caller=frame and frame.f_back)


def _signature() -> inspect.Signature:
    """Return the signature with the options' names, types and defaults, for help and the docs."""
    whole = inspect.signature(survey)
    named = [whole.parameters[name] for name in ("source", "out")]
    options = (
        each.replace(kind=each.KEYWORD_ONLY, annotation=each.annotation.__forward_arg__)
        for each in inspect.signature(Options).parameters.values()
    )
    return whole.replace(parameters=[*named, *options])


vars(survey)["__signature__"] = _signature()
