"""Hosts files are read as glibc reads them; ``test_as_getaddrinfo.py`` asks both."""

import socket

import pytest

from tryconnect._transport.hosts_file import HostsFile

ANY, V4, V6 = socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6
TEXT = """
# a remark
127.0.0.1 localhost # another
::1 localhost ip6-localhost
127.0.1.6\tall north.test North
127.0.1.8 all
127.0.1.6 all
fd00::0:8 south.test
::ffff:127.0.0.7 mapped.test
127.1 short.test
fe80::1%lo zone.test
256.0.0.1 bad.test
nonsense
127.0.0.2 bücher.test STRASSE.test straße.test \u0646\u0627\u0645\u0647\u200c\u0627\u06cc.test
127.0.0.3 caf\udce9.test
127.0.0.4 dot.test.
"""

FOUND = [
    ("localhost", ANY, ["127.0.0.1", "::1"]),
    ("localhost", V4, ["127.0.0.1"]),
    ("localhost", V6, ["::1"]),
    ("ip6-localhost", ANY, ["::1"]),
    ("ip6-localhost", V4, ["127.0.0.1"]),
    ("all", ANY, ["127.0.1.6", "127.0.1.8"]),
    ("NORTH", ANY, ["127.0.1.6"]),
    ("north.test", V6, []),
    ("south.test", ANY, ["fd00::8"]),
    ("south.test", V4, []),
    ("mapped.test", V4, ["127.0.0.7"]),
    ("mapped.test", V6, ["::ffff:127.0.0.7"]),
    ("short.test", ANY, []),
    ("zone.test", ANY, []),
    ("bad.test", ANY, []),
    ("nonsense", ANY, []),
    ("none.test", ANY, []),
    ("localhost.", ANY, []),
    ("dot.test", ANY, []),
    ("xn--bcher-kva.test", ANY, ["127.0.0.2"]),
    ("strasse.test", ANY, ["127.0.0.2"]),
    ("xn--strae-oqa.test", ANY, ["127.0.0.2"]),
    ("xn--mgba3gch31f060k.test", ANY, ["127.0.0.2"]),
]


@pytest.mark.parametrize(("name", "family", "ips"), FOUND)
def test_the_addresses_of_a_name(name: str, family: int, ips: list[str]) -> None:
    assert [ip for _, ip, *_ in HostsFile(TEXT).find(name, family)] == ips


def test_the_family_of_an_address_is_its_own() -> None:
    assert HostsFile("127.0.0.1 a\n::1 a").find("a", ANY) == [
        (V4, "127.0.0.1", 0, 0),
        (V6, "::1", 0, 0),
    ]


@pytest.mark.parametrize("text", [None, "", "\n", "#", " ", "127.0.0.1"])
def test_a_file_without_names_knows_none(text: str | None) -> None:
    assert HostsFile(text).find("", ANY) == []
