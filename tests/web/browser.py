"""Chromium without a screen, for tests of the status page."""

import contextlib
import importlib
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # This machine is all the world there is.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

PAGE_TIMEOUT = 15.0


class Browser:
    """A window, as far as the tests look at it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self, url: str, *, width: int = 1000, height: int = 900, scheme: str = "light"
    ) -> None:
        """Open a page in a window of this size, for who likes it light or dark."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        liking = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", liking)
        self.driver.get(url)

    def find(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """What is to be read in an element."""
        return str(self.find(selector).text)

    def ask(self, script: str, *args: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *args)

    def until(self, true: Callable[[], object]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PAGE_TIMEOUT
        while not true():
            assert time.monotonic() < deadline, self.text("body")
            time.sleep(0.02)

    def console(self) -> list[str]:
        """What the page has complained of since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium by its own driver, with nothing remembered."""
    webdriver: Any = importlib.import_module("selenium.webdriver")  # not everywhere
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = webdriver.ChromeService("/usr/bin/chromedriver")
        driver = webdriver.Chrome(options, service, keep_alive=False)
        try:
            yield Browser(driver)
        finally:
            driver.quit()
