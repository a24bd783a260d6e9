"""resolv.conf says how names are asked for; ``test_as_getaddrinfo.py`` asks glibc."""

import pytest

from tryconnect._transport.resolv_conf import ResolvConf, parse_resolv_conf

HERE = "127.0.0.1:53"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose name has no domain, in an environment that says nothing."""
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    for name in ("LOCALDOMAIN", "RES_OPTIONS"):
        monkeypatch.delenv(name, raising=False)


READ: dict[str, ResolvConf] = {
    "": ResolvConf(),
    "# nameserver 127.0.0.2": ResolvConf(),
    "; nameserver 127.0.0.2": ResolvConf(),
    " nameserver 127.0.0.2": ResolvConf(),
    "nameserver": ResolvConf(),
    "nameserver nobody": ResolvConf(),
    "nameserver 999.0.0.1": ResolvConf(),
    "nameserver fe80:::1": ResolvConf(),
    "nameserver 127.0.0.2": ResolvConf(("127.0.0.2:53",)),
    "nameserver\t127.0.0.2\t": ResolvConf(("127.0.0.2:53",)),
    "nameserver 127.0.0.2\r": ResolvConf(("127.0.0.2:53",)),
    "nameserver 127.0.0.2 # remark": ResolvConf(("127.0.0.2:53",)),
    "nameserver 127.0.0.2;remark": ResolvConf(("127.0.0.2:53",)),
    "nameserver 127.2": ResolvConf(("127.0.0.2:53",)),
    "nameserver ::1": ResolvConf(("[::1]:53",)),
    "nameserver fe80::1%eth0": ResolvConf(("[fe80::1%eth0]:53",)),
    "nameserver a\nnameserver 127.0.0.1\nnameserver ::1": ResolvConf((HERE, "[::1]:53")),
    "\n".join(f"nameserver 127.0.0.{last}" for last in range(1, 6)): ResolvConf(
        (HERE, "127.0.0.2:53", "127.0.0.3:53")
    ),
    "search a.test b.test": ResolvConf(search=("a.test", "b.test")),
    "search a.test. .": ResolvConf(search=("a.test", "")),
    "domain a.test b.test": ResolvConf(search=("a.test",)),
    "domain a.test\nsearch b.test": ResolvConf(search=("b.test",)),
    "search b.test\ndomain a.test": ResolvConf(search=("a.test",)),
    "options ndots:3 timeout:2 attempts:4": ResolvConf(ndots=3, timeout=2, attempts=4),
    "options ndots:99 timeout:99 attempts:99": ResolvConf(ndots=15, timeout=30, attempts=5),
    "options ndots:0 timeout:0 attempts:0": ResolvConf(ndots=0, timeout=1, attempts=1),
    "options ndots: timeout:x attempts:-1": ResolvConf(),
    "options rotate\noptions use-vc no-aaaa nonsense": ResolvConf(
        rotate=True, tcp=True, no_aaaa=True
    ),
    "sortlist 127.0.0.0/8\nlookup file bind": ResolvConf(),
}


@pytest.mark.parametrize("text", READ)
def test_what_a_file_says(text: str) -> None:
    assert parse_resolv_conf(text) == READ[text]


def test_what_nobody_says_is_as_glibc_has_it() -> None:
    """``RES_TIMEOUT`` and ``RES_DFLRETRY`` of resolv.h; resolv.conf(5) for the rest."""
    conf = ResolvConf()

    assert (conf.timeout, conf.attempts, conf.ndots) == (5, 2, 1)
    assert conf.stages() == [(0, 5), (0, 5)]


def test_without_a_file_this_machine_is_asked() -> None:
    assert parse_resolv_conf(None) == ResolvConf((HERE,))


def test_the_environment_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "c.test d.test")
    monkeypatch.setenv("RES_OPTIONS", "ndots:4 rotate")

    conf = parse_resolv_conf("search a.test\noptions ndots:2 timeout:3")

    assert conf == ResolvConf(search=("c.test", "d.test"), ndots=4, timeout=3, rotate=True)


def test_a_machines_own_domain_is_searched_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "box.a.test")

    assert parse_resolv_conf("").search == ("a.test",)
    assert parse_resolv_conf("search b.test").search == ("b.test",)


TRIED = [
    # search list, ndots, name, what is tried
    ((), 1, "box", ["box"]),
    (("a.test", "b.test"), 1, "box", ["box.a.test", "box.b.test", "box"]),
    (("a.test", "b.test"), 1, "x.box", ["x.box", "x.box.a.test", "x.box.b.test"]),
    (("a.test",), 1, "box.", ["box"]),
    (("a.test",), 1, "x.box.", ["x.box"]),
    (("a.test",), 0, "box", ["box", "box.a.test"]),
    (("a.test",), 2, "x.box", ["x.box.a.test", "x.box"]),
    (("",), 1, "box", ["box"]),
    (("", "a.test"), 1, "box", ["box", "box.a.test"]),
    (("a.test", "a.test"), 1, "box", ["box.a.test", "box"]),
]


@pytest.mark.parametrize(("search", "ndots", "name", "tried"), TRIED)
def test_which_names_are_tried(
    search: tuple[str, ...], ndots: int, name: str, tried: list[str]
) -> None:
    assert list(ResolvConf(search=search, ndots=ndots).candidates(name)) == tried


WORDS = [
    # servers, timeout, attempts, who has the word for how long
    (1, 5, 2, [(0, 5), (0, 5)]),
    (2, 5, 2, [(0, 5), (1, 5), (0, 5), (1, 5)]),
    (3, 5, 1, [(0, 5), (1, 3), (2, 6)]),
    (3, 1, 2, [(0, 1), (1, 1), (2, 1), (0, 1), (1, 1), (2, 1)]),
    (1, 1, 3, [(0, 1), (0, 1), (0, 1)]),
]


@pytest.mark.parametrize(("servers", "timeout", "attempts", "stages"), WORDS)
def test_who_has_the_word(
    servers: int, timeout: int, attempts: int, stages: list[tuple[int, float]]
) -> None:
    conf = ResolvConf(("x",) * servers, timeout=timeout, attempts=attempts)

    assert conf.stages() == conf.stages(1) == stages


def test_with_rotate_another_server_begins_each_time() -> None:
    conf = ResolvConf(("a", "b", "c"), attempts=1, rotate=True)

    begins = [[server for server, _ in conf.stages(turn)] for turn in range(4)]

    assert begins == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]
