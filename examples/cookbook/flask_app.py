"""Flask: GET /ready is 200 while all that the shop needs answers, else 503."""

import os
from typing import Any

from flask import Flask

from tryconnect import sync

NEEDS = os.environ["SHOP_NEEDS"].split()

app = Flask(__name__)


@app.get("/ready")
def ready() -> tuple[list[dict[str, Any]], int]:
    with sync.probe_many(NEEDS, timeout=2, expect="2xx", ordered=True) as probes:
        reports = list(probes)
    return [report.as_dict() for report in reports], 200 if all(reports) else 503
