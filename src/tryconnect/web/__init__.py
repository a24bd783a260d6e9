"""The probe server: checks over HTTP for programs, Prometheus and browsers.

It requires the extra ``serve``: ``pip install 'tryconnect[serve]'``.
"""

from tryconnect.web._alert_tables import AlertSettings
from tryconnect.web._app import probe_app
from tryconnect.web._history import HistoryStore, Keep
from tryconnect.web._targets import WatchedTarget
from tryconnect.web._targets_file import TargetsFile, read_targets, read_targets_file

__all__ = [
    "AlertSettings",
    "HistoryStore",
    "Keep",
    "TargetsFile",
    "WatchedTarget",
    "probe_app",
    "read_targets",
    "read_targets_file",
]
