"""``tryconnect demo``: every kind of verdict."""

import pytest

import tryconnect
from tests.cli.commands import ran, ran_here

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_the_demo_shows_every_kind_of_verdict() -> None:
    done = ran("demo")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "10 of 10 verdicts as expected"
    assert {line.split()[0] for line in done.out.splitlines()[1:-1:2]} == {
        "ok",
        "status",
        "timeout",
        "refused",
        "tls_handshake",
        "protocol",
        "invalid_address",
    }


def test_a_wrong_verdict_fails_the_demo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tryconnect.Client.probe

    async def lies(self: tryconnect.Client, _: str, **__: object) -> tryconnect.Report:
        return await real(self, "http://")

    monkeypatch.setattr(tryconnect.Client, "probe", lies)

    done = ran_here(capsys, "demo")

    assert done.code == 1
    assert done.out.splitlines()[-1] == "1 of 10 verdicts as expected"
