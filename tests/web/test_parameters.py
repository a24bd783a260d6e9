"""What the parameters of a request ask for, and what is wrong with those that make no sense."""

from urllib.parse import parse_qsl

import pytest
from multidict import MultiDict

from tryconnect import Expect
from tryconnect.web._parameters import (
    Question,
    check_question,
    list_question,
    probe_question,
)
from tryconnect.web._problems import Problem

pytestmark = pytest.mark.slow

SCRAPE = "X-Prometheus-Scrape-Timeout-Seconds"

OK = Expect("2xx")

PROBES = {
    # By blackbox_exporter's rule, a probe without a word succeeds where the status is 2xx.
    "http://h/": Question("http://h/", 10, OK),
    "h": Question("h", 10, OK),
    "tcp://h:22": Question("tcp://h:22", 10, None),
    "h:22": Question("h:22", 10, None),
    "unix:///run/s": Question("unix:///run/s", 10, None),
    # The report will say what is wrong with it.
    "h:99999": Question("h:99999", 10, None),
    "http://h/&expect=any": Question("http://h/", 10, None),
    "http://h/&expect=200-399": Question("http://h/", 10, Expect("200-399")),
    "http://h/&expect=204": Question("http://h/", 10, Expect("204")),
    "http://h/&body=ready": Question("http://h/", 10, Expect("2xx", body="ready")),
    "http://h/&body=ready&expect=any": Question("http://h/", 10, Expect("any", body="ready")),
    "http://h/&timeout=2.5": Question("http://h/", 2.5, OK),
    "http://h/&timeout=120": Question("http://h/", 120, OK),
    # The modules of blackbox_exporter's own configuration.
    "h&module=http_2xx": Question("http://h", 10, OK),
    "h:8080&module=http_2xx": Question("http://h:8080", 10, OK),
    "https://h/&module=http_2xx": Question("https://h/", 10, OK),
    "h:443&module=tcp_connect": Question("tcp://h:443", 10, None),
    "tcp://h:443&module=tcp_connect": Question("tcp://h:443", 10, None),
}


def query(text: str) -> MultiDict[str]:
    return MultiDict(parse_qsl(text, keep_blank_values=True))


@pytest.mark.parametrize(("asked", "question"), PROBES.items(), ids=list(PROBES))
def test_a_probe_is_read(asked: str, question: Question) -> None:
    assert probe_question(query(f"target={asked}"), {}) == question


SCRAPES = {
    ("10", ""): 9.5,
    ("10", "&timeout=3"): 3,
    ("2", "&timeout=3"): 1.5,
    ("0.4", ""): 0.2,
    ("100", ""): 10,
    ("1000", "&timeout=120"): 120,
}


@pytest.mark.parametrize(("scrape", "seconds"), SCRAPES.items())
def test_a_scrape_ends_before_prometheus_gives_up(scrape: tuple[str, str], seconds: float) -> None:
    header, more = scrape

    question = probe_question(query(f"target=http://h/{more}"), {SCRAPE: header})

    assert question.timeout == pytest.approx(seconds)


def test_any_answer_counts_for_a_check() -> None:
    assert check_question(query("address=http://h/")) == Question("http://h/", 10, None)
    assert list_question(query("")) == Question("", 10, None)
    assert list_question(query("expect=2xx&timeout=1")) == Question("", 1, OK)


BAD = {
    "": "target is missing",
    "target=": "target is missing",
    "target= ": "target is missing",
    "target=h&target=i": "target is given more than once",
    "target=h&taget=i": "unknown parameter 'taget'; the known ones are target, timeout, ",
    # It would be another check: with another Host, for example.
    "target=h&prober=i": "unknown parameter 'prober'",
    "target=h&timeout=": "timeout is a number of seconds above 0, and at most 120",
    "target=h&timeout=soon": "timeout is a number",
    "target=h&timeout=0": "timeout is a number",
    "target=h&timeout=-1": "timeout is a number",
    "target=h&timeout=nan": "timeout is a number",
    "target=h&timeout=inf": "timeout is a number",
    "target=h&timeout=121": "timeout is a number",
    "target=h&expect=": "an expected status looks like",
    "target=h&expect=good": "an expected status looks like",
    "target=h&expect=9xx9": "an expected status looks like",
    "target=tcp://h:1&expect=2xx": "cannot be expected of ",
    "target=unix:///s&body=x": "body cannot be expected of unix:///s",
    "target=h:1&module=tcp_connect&expect=2xx": "cannot be expected of ",
    "target=h&module=icmp": "the known modules are http_2xx and tcp_connect",
    "target=h&module=": "the known modules are http_2xx and tcp_connect",
}


@pytest.mark.parametrize(("asked", "fault"), BAD.items(), ids=list(BAD))
def test_a_bad_probe_is_told_what_is_wrong(asked: str, fault: str) -> None:
    with pytest.raises(Problem) as raised:
        probe_question(query(asked), {})

    assert fault in raised.value.detail
    assert raised.value.status == 400


@pytest.mark.parametrize("seconds", ["", "soon", "0", "-3", "nan"])
def test_a_bad_time_of_a_scrape_is_told(seconds: str) -> None:
    with pytest.raises(Problem, match=f"the header {SCRAPE} is a number of seconds above 0"):
        probe_question(query("target=h"), {SCRAPE: seconds})


def test_each_question_knows_its_own_parameters() -> None:
    with pytest.raises(Problem, match="'target'; the known ones are address, timeout, expect"):
        check_question(query("target=h"))
    with pytest.raises(Problem, match="'address'; the known ones are timeout, expect, body"):
        list_question(query("address=h"))
    with pytest.raises(Problem, match="address is missing"):
        check_question(query("timeout=1"))
