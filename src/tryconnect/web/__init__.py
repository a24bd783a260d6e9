"""The probe server: checks over HTTP for programs, Prometheus and browsers.

It requires the extra ``serve``: ``pip install 'tryconnect[serve]'``.
"""

from tryconnect.web._app import probe_app
from tryconnect.web._targets import WatchedTarget
from tryconnect.web._targets_file import read_targets

__all__ = ["WatchedTarget", "probe_app", "read_targets"]
