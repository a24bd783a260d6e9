"""The doctor: reports whether this machine and this event loop are fit, and what to do if not.

Programs that run in a foreign event loop, and the authors of such loops, use it to find out what
works there::

    findings = await tryconnect.doctor.examine()
    for finding in findings.problems:
        print(finding.sentence, finding.advice)

.. versionadded:: 0.1
"""

from tryconnect.doctor._api import examine
from tryconnect.doctor._findings import Finding, Findings, Level

__all__ = ["Finding", "Findings", "Level", "examine"]
