"""nsswitch.conf says who is asked; ``test_as_getaddrinfo.py`` asks glibc."""

import pytest

from tryconnect._transport.nsswitch import NameServices, parse_nsswitch

DEFAULT = NameServices()
FILES, DNS = NameServices(ours=("files",)), NameServices(ours=("dns",))
REVERSED = NameServices(ours=("dns", "files"))
MORE = NameServices(others=True)
MDNS = NameServices(others=True, mdns=True)

READ = {
    "": DEFAULT,
    "passwd: files systemd": DEFAULT,
    "# hosts: files": DEFAULT,
    "hosts: files dns": DEFAULT,
    "hosts:\tfiles\tdns # remark": DEFAULT,
    "  hosts : files dns": DEFAULT,
    "hosts: dns\nhosts: files dns": DEFAULT,
    "hosts: files": FILES,
    "hosts: dns": DNS,
    "hosts: dns files": REVERSED,
    "hosts: files [NOTFOUND=return] dns": FILES,
    "hosts: files [ notfound = RETURN ] dns": FILES,
    "hosts: files [!SUCCESS=return] dns": FILES,
    "hosts: files [!UNAVAIL=return] dns": FILES,
    "hosts: files [UNAVAIL=return] dns": DEFAULT,
    "hosts: files [!NOTFOUND=return] dns": DEFAULT,
    "hosts: files [!UNAVAIL=return NOTFOUND=continue] dns": DEFAULT,
    "hosts: dns [!UNAVAIL=return] files": DNS,
    "hosts: files dns myhostname": MORE,
    "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns": MORE,
    "hosts: files mdns4_minimal [NOTFOUND=return] dns": MDNS,
    "hosts: files mdns dns": MDNS,
    "hosts: files libvirt": NameServices(ours=("files",), others=True),
    "hosts: files [SUCCESS=merge] dns": MORE,
    "hosts:": NameServices(ours=()),
}


@pytest.mark.parametrize("text", READ)
def test_who_is_asked(text: str) -> None:
    assert parse_nsswitch(text, without=DEFAULT) == READ[text]


def test_without_a_file_the_systems_default_holds() -> None:
    assert parse_nsswitch(None, without=MDNS) == MDNS
