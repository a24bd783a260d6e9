"""Explain a probe to a person, in the form of blackbox_exporter's ``debug=true``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._model.redaction import escape_control, redact_address
from tryconnect._model.render import duration
from tryconnect.web._probe_metrics import metrics
from tryconnect.web._prometheus import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect._model.report import Report
    from tryconnect.web._parameters import Question

__all__ = ["explained"]


def explained(report: Report, question: Question) -> str:
    """Return the steps of a check, the metrics that it makes, and what was asked for."""
    steps = "\n".join(escape_control(step) for step in _steps(report, question))
    asked = [f"timeout: {question.timeout:g} s", f"expect: {question.expect or 'any answer'}"]
    body = encoded(metrics(report), "")[0].decode()
    return (
        f"Logs for the probe:\n{steps}\n\n\n\nMetrics that would have been returned:\n{body}\n\n\n"
        f"Module configuration:\n{chr(10).join(map(escape_control, asked))}\n"
    )


def _steps(report: Report, question: Question) -> Iterator[str]:
    yield f"probing {redact_address(question.address)}"
    if question.hostname:
        yield f"asking for the host {question.hostname}"
    for phase in ("dns", "connect", "tls", "response"):
        if (seconds := getattr(report.timings, phase)) is not None:
            yield f"{phase}: {duration(seconds)}"
    for hop in report.hops:
        yield f"redirected with {hop.status} by {redact_address(hop.url)}"
    if report.ip is not None:
        yield f"peer: {report.ip}"
    if report.tls is not None:
        yield f"{report.tls.version}, certificate until {report.tls.expires}"
    yield f"{report.reason}: {report.detail.splitlines()[0]}"
    yield f"probe {'succeeded' if report.ok else 'failed'} after {duration(report.timings.total)}"
