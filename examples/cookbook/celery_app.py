"""Celery: a task that fetches a text, and tries again later while the server is down."""

import os

from celery import Celery

import tryconnect
from tryconnect import sync

app = Celery("shop", broker=os.environ["SHOP_BROKER"], backend=os.environ["SHOP_RESULTS"])


@app.task(autoretry_for=(tryconnect.FetchError,), retry_backoff=True, max_retries=8)
def fetch_rates(url: str) -> str:
    return sync.fetch_text(url, timeout=10)
