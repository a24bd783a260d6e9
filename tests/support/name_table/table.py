"""The situations in which names are looked up."""

from __future__ import annotations

import dns.message
import dns.rcode

from tests.support.name_table.situation import Daemon, Policy, Served, Servers, Situation, Step
from tryconnect.testing.dns import (
    GARBAGE,
    NODATA,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    SILENT,
    WRONG_ID,
    Answer,
    Zone,
    alias,
    late,
    truncated,
)

HERE, HERE_V6 = "127.0.0.1", "::1"
FIRST, SECOND, THIRD, FOURTH = (f"127.0.0.{last}" for last in (1, 2, 3, 4))
A, B = "127.0.0.8", "127.0.0.9"
NOTIMP, FORMERR = (Answer(rcode=each) for each in (dns.rcode.NOTIMP, dns.rcode.FORMERR))
SILENCE = Answer(mangle=lambda _: b"")
QUICK = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
LOSSY = "nameserver 127.0.0.1\noptions timeout:1 attempts:5\n"
TWO = "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:1 attempts:1\n"
EMPTY: Zone = {}
BOX: Zone = {"box.test": [A]}
MANY = [f"n{number}.test" for number in range(30)]


def at(**zones: Zone | Served) -> Servers:
    """Servers by the last number of their address: ``at(_1=…, _2=…)``."""
    return {f"127.0.0.{name[1:]}": zone for name, zone in zones.items()}


def one(zone: Zone, *names: str, **rest: object) -> Situation:
    """One server, and the names of its zone if no others are asked for."""
    asked = names or tuple(dict.fromkeys(name.split()[0] for name in zone))
    return Situation(asked, servers=lambda: {HERE: zone}, **rest)  # type: ignore[arg-type]


def by(policy: Policy, zone: Zone, *names: str, only: str = "udp tcp", **rest: object) -> Situation:
    """One server that answers some questions in its own way."""
    servers = {HERE: Served(zone, policy, only)}
    return Situation(names or tuple(zone), servers=lambda: servers, **rest)  # type: ignore[arg-type]


def several(conf: str, *names: str, **zones: Zone | Served) -> Situation:
    """Several servers."""
    return Situation(names or ("box.test",), servers=lambda: at(**zones), resolv=conf)


# --- policies


def no_edns(packet: bytes, _: int) -> bytes | None:
    """Drop questions with EDNS."""
    return b"" if dns.message.from_wire(packet).edns >= 0 else None


def edns_is_formerr(packet: bytes, _: int) -> bytes | None:
    query = dns.message.from_wire(packet)
    if query.edns < 0:
        return None
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.FORMERR)
    return reply.to_wire()


def lossy(every: int) -> Policy:
    """Lose each n-th question."""
    return lambda _, count: b"" if count % every == every - 1 else None


def first_lost(_: bytes, count: int) -> bytes | None:
    return b"" if count == 0 else None


def first_fails(packet: bytes, count: int) -> bytes | None:
    if count > 1:
        return None
    reply = dns.message.make_response(dns.message.from_wire(packet))
    reply.set_rcode(dns.rcode.SERVFAIL)
    return reply.to_wire()


def lame(packet: bytes, _: int) -> bytes:
    """Know nothing, and nobody to ask."""
    reply = dns.message.make_response(dns.message.from_wire(packet))
    return reply.to_wire()


def with_authority(packet: bytes, _: int) -> bytes:
    """Say "no address" as a recursive server does."""
    reply = dns.message.make_response(dns.message.from_wire(packet), recursion_available=True)
    soa = dns.rrset.from_text("test.", 60, "IN", "SOA", "ns.test. root.test. 1 60 60 60 60")
    reply.authority.append(soa)
    return reply.to_wire()


def empty(_: bytes, __: int) -> bytes:
    return b"\0"


# --- the table

PLAIN: dict[str, Situation] = {
    "IPv4": one({"box.test": [A]}),
    "IPv6": one({"box.test": [HERE_V6]}),
    "both": one({"box.test": [A, HERE_V6]}),
    "several of both": one({"box.test": [A, B, "fd00::1", HERE_V6]}),
    "ten of IPv4": one({"box.test": [f"127.0.0.{last}" for last in range(10, 20)]}),
    "sixty of IPv4, over TCP": one({"box.test": [f"127.0.1.{last}" for last in range(1, 61)]}),
    "an alias": one({"box.test": alias("www.test"), "www.test": [A]}),
    "aliases": one({"box.test": alias("a.test"), "a.test": alias("b.test"), "b.test": [A]}),
    "an alias of nothing": one({"box.test": alias("none.test")}),
    "aliases in a circle": one({"a.test": alias("b.test"), "b.test": alias("a.test")}),
    "no such name": one({}, "box.test", "box.test.", "a.b.c.box.test"),
    "no address": one({"box.test": NODATA}),
    "no address, said by a resolver": by(with_authority, {}, "box.test"),
    "truncated": one({"box.test": truncated(A)}),
    "truncated, and TCP is closed": by(
        lambda *_: None, {"box.test": truncated(A)}, only="udp", resolv=QUICK
    ),
    "capital letters": one(BOX, "BOX.TEST", "Box.Test"),
    "a dot at the end": one(BOX, "box.test."),
    "an underscore": one({"my_box.test": [A]}),
    "a dash first": one({"-box.test": [A]}),
    "a dash last": one({"box-.test": [A]}),
    "digits": one({"1.2.3.4.5.test": [A], "1box.test": [A]}),
    "a label of 63": one({f"{'x' * 63}.test": [A]}),
    "a name of 250": one({".".join(["x" * 61] * 4 + ["aa"]): [A]}),
    "a name of one label": one({"box": [A]}, "box", "none"),
    "an international name": one({"xn--bcher-kva.test": [A]}),
    "IPv4 wanted": one({"box.test": [A, HERE_V6]}, family="ipv4"),
    "IPv6 wanted": one({"box.test": [A, HERE_V6]}, family="ipv6"),
    "IPv6 wanted, and there is none": one({"box.test": [A]}, family="ipv6"),
    "late": one({"box.test": late(0.3, A)}),
    "later": one({"box.test": late(2, A)}),
    "a late name after fast ones": one(
        {**{f"n{n}.test": [A] for n in range(20)}, "box.test": late(2, A, HERE_V6)}
    ),
    "late, 30 at once": one({name: late(2, A) for name in MANY}, at_once=True),
    "a late no": one({"box.test": Answer(rcode=dns.rcode.NXDOMAIN, delay=1)}),
    "a missing name 30 times at once": one({}, *["none.test"] * 30, at_once=True),
}

FAULTS: dict[str, Situation] = {
    "SERVFAIL": one({"box.test": SERVFAIL}),
    "REFUSED": one({"box.test": REFUSED}),
    "NOTIMP": one({"box.test": NOTIMP}),
    "FORMERR": one({"box.test": FORMERR}),
    "silence": one({"box.test": SILENT}, resolv=QUICK),
    "silence, twice": one({"box.test": SILENT}, resolv="nameserver 127.0.0.1\noptions timeout:1\n"),
    "nobody listens": Situation(["box.test"]),
    "garbage": one({"box.test": GARBAGE}, resolv=QUICK),
    "another question's answer": one({"box.test": WRONG_ID}, resolv=QUICK),
    "a byte": by(empty, {}, "box.test", resolv=QUICK),
    "a server that only refers": by(lame, {}, "box.test", resolv=QUICK),
    "SERVFAIL to the first question": by(first_fails, BOX),
    "the first question is lost": by(first_lost, BOX, resolv=QUICK.replace("attempts:1", "")),
    "each seventh is lost": by(
        lossy(7), {name: [A] for name in MANY[:10]}, resolv=LOSSY, lossy=True
    ),
    "each tenth is lost, 30 at once": by(
        lossy(10), {name: [A] for name in MANY}, resolv=LOSSY, at_once=True, lossy=True
    ),
    "SERVFAIL for IPv6": one({"box.test": [A], "box.test AAAA": SERVFAIL}),
    "SERVFAIL for IPv4": one({"box.test": [HERE_V6], "box.test A": SERVFAIL}),
    "SERVFAIL for IPv6, no address for IPv4": one(
        {"box.test A": NODATA, "box.test AAAA": SERVFAIL}
    ),
    "REFUSED for IPv6": one({"box.test": [A], "box.test AAAA": REFUSED}),
    "FORMERR for IPv6": one({"box.test": [A], "box.test AAAA": FORMERR}),
    "no such name for IPv6": one({"box.test": [A], "box.test AAAA": NXDOMAIN}),
    "no such name for IPv4": one({"box.test": [HERE_V6], "box.test A": NXDOMAIN}),
    "silence for IPv6": one({"box.test": [A], "box.test AAAA": SILENT}, resolv=QUICK),
    "silence for IPv4": one(
        {"box.test": [HERE_V6], "box.test A": SILENT},
        resolv=QUICK,
        better="glibc needs the first of two answers",
    ),
    "silence for IPv6, no address for IPv4": one(
        {"box.test A": NODATA, "box.test AAAA": SILENT}, resolv=QUICK
    ),
    "a moment later for IPv6": one({"box.test A": [A], "box.test AAAA": late(0.2, HERE_V6)}),
    "EDNS is dropped": by(no_edns, BOX),
    "EDNS is FORMERR": by(edns_is_formerr, BOX),
}

SERVERS: dict[str, Situation] = {
    "nobody at the first": several(TWO, _2=BOX),
    "the first says SERVFAIL": several(TWO, _1={"box.test": SERVFAIL}, _2=BOX),
    "the first says REFUSED": several(TWO, _1={"box.test": REFUSED}, _2=BOX),
    "the first says NOTIMP": several(TWO, _1={"box.test": NOTIMP}, _2=BOX),
    "the first says FORMERR": several(TWO, _1={"box.test": FORMERR}, _2=BOX),
    "the first refers": several(TWO, _1=Served({}, lame), _2=BOX),
    "the first does not know it": several(TWO, _1={}, _2=BOX),
    "the first has no address": several(TWO, _1={"box.test": NODATA}, _2=BOX),
    "the first is silent": several(TWO, _1={"box.test": SILENT}, _2=BOX),
    "the first is silent, the second does not know it": several(
        TWO, _1={"box.test": SILENT}, _2={}
    ),
    "the first is late": several(TWO, _1={"box.test": late(0.6, A)}, _2={"box.test": [B]}),
    "the first fails for IPv6": several(
        TWO, _1={"box.test": [A], "box.test AAAA": SERVFAIL}, _2={"box.test": [A, HERE_V6]}
    ),
    "all fail": several(TWO, _1={"box.test": SERVFAIL}, _2={"box.test": REFUSED}),
    "all are silent": several(TWO, _1={"box.test": SILENT}, _2={"box.test": SILENT}),
    "the third": several(TWO + "nameserver 127.0.0.3\n", _1={"box.test": SERVFAIL}, _3=BOX),
    "the fourth is one too many": several(
        "".join(f"nameserver 127.0.0.{last}\n" for last in (1, 2, 3, 4)),
        _1={"box.test": REFUSED},
        _4=BOX,
    ),
    "in turn": several(
        TWO + "options rotate\n", "box.test", "box.test", "box.test", _1=BOX, _2=BOX
    ),
    "the first was silent and is back": Situation(
        ["box.test"],
        servers=lambda: at(_1=BOX, _2={}),
        resolv=TWO,
        steps=[Step(servers=at(_1={"box.test": SILENT}, _2={})), Step(servers=at(_1=BOX, _2={}))],
    ),
    "the first was dead and is back": Situation(
        ["box.test"],
        servers=lambda: at(_2={}),
        resolv=TWO,
        steps=[Step(servers=at(_1=BOX, _2={}))],
    ),
    "over IPv6": Situation(["box.test"], servers=lambda: {HERE_V6: BOX}, resolv="nameserver ::1\n"),
    "a link-local one": Situation(
        ["box.test"],
        resolv="nameserver fe80::7%lo\noptions timeout:1 attempts:1\n",
    ),
}

CONF: dict[str, Situation] = {
    "an empty file": one(BOX, resolv=""),
    "no file": one(BOX, resolv=None),
    "remarks": one(BOX, resolv="# nobody\n; here\nnameserver 127.0.0.1 # this\n#nameserver ::1\n"),
    "Windows' line ends": one(BOX, resolv="options timeout:1\r\nnameserver 127.0.0.1\r\n"),
    "no address": one(BOX, resolv="nameserver nobody\nnameserver 127.0.0.1\n"),
    "nothing but no address": one(BOX, resolv="nameserver 999.1.1.1\n"),
    "127.1": one(BOX, resolv="nameserver 127.1\n"),
    "a space before the keyword": one(BOX, resolv=" nameserver 127.0.0.5\nnameserver 127.0.0.1\n"),
    "a tab behind it": one(BOX, resolv="nameserver\t127.0.0.1\n"),
    "a search list": one(
        {"box.b.test": [A], "x.box.b.test": [B]},
        *("box", "x.box", "box.", "none"),
        resolv="search a.test b.test\nnameserver 127.0.0.1\n",
    ),
    "a domain": one({"box.b.test": [A]}, "box", resolv="domain b.test\nnameserver 127.0.0.1\n"),
    "a domain, then a search list": one(
        {"box.a.test": [A], "box.b.test": [B]},
        "box",
        resolv="domain a.test\nsearch b.test\nnameserver 127.0.0.1\n",
    ),
    "a search list, then a domain": one(
        {"box.a.test": [A], "box.b.test": [B]},
        "box",
        resolv="search b.test\ndomain a.test\nnameserver 127.0.0.1\n",
    ),
    "a search list with the root": one(
        {"box": [A], "x.box": [B]},
        *("box", "x.box"),
        resolv="search . a.test\noptions ndots:2\nnameserver 127.0.0.1\n",
    ),
    "a search list with dots at the end": one(
        {"box.b.test": [A]}, "box", resolv="search a.test. b.test.\nnameserver 127.0.0.1\n"
    ),
    "ndots:0": one(
        {"box": [A], "box.a.test": [B]},
        "box",
        resolv="search a.test\noptions ndots:0\nnameserver 127.0.0.1\n",
    ),
    "ndots:2": one(
        {"x.box": [A], "x.box.a.test": [B]},
        "x.box",
        resolv="search a.test\noptions ndots:2\nnameserver 127.0.0.1\n",
    ),
    "ndots:5, as in Kubernetes": one(
        {"www.box.test": [A], "api.ns.svc.cluster.test": [B]},
        *("www.box.test", "api", "api.ns", "none.box.test"),
        resolv="search ns.svc.cluster.test svc.cluster.test cluster.test\n"
        "nameserver 127.0.0.1\noptions ndots:5\n",
    ),
    "RES_OPTIONS": one(
        {"x.box": [A], "x.box.a.test": [B]},
        "x.box",
        resolv="search a.test\nnameserver 127.0.0.1\n",
        environment={"RES_OPTIONS": "ndots:3"},
    ),
    "LOCALDOMAIN": one(
        {"box.a.test": [A], "box.b.test": [B]},
        "box",
        resolv="search a.test\nnameserver 127.0.0.1\n",
        environment={"LOCALDOMAIN": "b.test"},
    ),
    "TCP only": by(
        lambda *_: None,
        BOX,
        only="tcp",
        resolv="nameserver 127.0.0.1\noptions use-vc timeout:1 attempts:1\n",
    ),
    "no IPv6": one({"box.test": [A, HERE_V6]}, resolv="nameserver 127.0.0.1\noptions no-aaaa\n"),
    "one question at a time": one(
        {"box.test": [A, HERE_V6]}, resolv="nameserver 127.0.0.1\noptions single-request\n"
    ),
    "options that do not matter": one(
        BOX, resolv="nameserver 127.0.0.1\noptions edns0 trust-ad inet6 nonsense debug:\n"
    ),
    "three attempts": one(
        {"box.test": SILENT}, resolv="nameserver 127.0.0.1\noptions timeout:1 attempts:3\n"
    ),
    "options on two lines": one(
        {"box.test": SILENT},
        resolv="options timeout:1\nnameserver 127.0.0.1\noptions attempts:1\n",
    ),
    "a new file": Situation(
        ["box.test"],
        servers=lambda: at(_1={}, _2=BOX),
        steps=[Step({"resolv.conf": "nameserver 127.0.0.2\n"})],
    ),
    "a new file behind a link": Situation(
        ["box.test"],
        servers=lambda: at(_1={}, _2=BOX),
        resolv=None,
        commands=["rm /etc/resolv.conf; ln -s /etc/run.conf /etc/resolv.conf"],
        files={"run.conf": "nameserver 127.0.0.1\n"},
        steps=[Step({"run.conf": "nameserver 127.0.0.2\n"})],
    ),
    "a file that comes": Situation(
        ["box"],
        servers=lambda: at(_1={"box": [A], "box.a.test": [B]}),
        resolv=None,
        steps=[Step({"resolv.conf": "search a.test\n"})],
    ),
}


def searching(broken: Answer, conf: str = "") -> Situation:
    """A search list whose first domain is broken."""
    zone: Zone = {
        "www.shop.test": [A],
        "www.shop.test.broken.test": broken,
        "deep.broken.test": broken,
        "deep.good.test": [A],
        "none.x.broken.test": broken,
    }
    lines = f"search broken.test good.test\noptions ndots:5 {conf}\nnameserver 127.0.0.1\n"
    return one(zone, "www.shop.test", "deep", "none.x", resolv=lines)


def as_is_first(broken: Answer, conf: str = "") -> Situation:
    """A name that is broken as it is, and found in the search list."""
    zone: Zone = {"x.box": broken, "x.box.a.test": [A], "y.box": broken}
    lines = f"search a.test\noptions {conf}\nnameserver 127.0.0.1\n"
    return one(zone, "x.box", "y.box", resolv=lines)


SEARCH = {
    "SERVFAIL in the search list": searching(SERVFAIL),
    "REFUSED in the search list": searching(REFUSED),
    "NOTIMP in the search list": searching(NOTIMP),
    "FORMERR in the search list": searching(FORMERR),
    "no address in the search list": searching(NODATA),
    "silence in the search list": searching(SILENT, "timeout:1 attempts:1"),
    "SERVFAIL before the search list": as_is_first(SERVFAIL),
    "REFUSED before the search list": as_is_first(REFUSED),
    "no address before the search list": as_is_first(NODATA),
    "silence before the search list": as_is_first(SILENT, "timeout:1 attempts:1"),
}

HOSTS_FILE = """
# A remark
127.0.0.1 localhost
::1       localhost ip6-localhost ip6-loopback
127.0.1.6 all one
127.0.1.8 all   # two lines of one name
127.0.1.6 north.test north
127.0.1.8 south.test SOUTH
fd00::8   south.test
::1       six.test
::ffff:127.0.0.7 mapped.test
127.1     short.test
nonsense  bad.test
127.0.1.9
127.0.1.10 many.test a.test b.test c.test
127.0.1.10 many.test
"""
HOST_NAMES = (
    "localhost",
    "ip6-localhost",
    "all",
    "one",
    "north",
    "north.test",
    "south",
    "south.test",
    "South.Test",
    "six.test",
    "mapped.test",
    "short.test",
    "bad.test",
    "many.test",
    "c.test",
    "none.test",
    "localhost.",
    "north.test.",
)

FILES: dict[str, Situation] = {
    "a hosts file": one({}, *HOST_NAMES, hosts=HOSTS_FILE),
    "a hosts file, IPv4 wanted": one({}, *HOST_NAMES, hosts=HOSTS_FILE, family="ipv4"),
    "a hosts file, IPv6 wanted": one({}, *HOST_NAMES, hosts=HOSTS_FILE, family="ipv6"),
    "no hosts file": one({}, "localhost", "box.test", hosts=None),
    "an empty hosts file": one({}, "localhost", "box.test", hosts=""),
    "Windows' line ends in it": one(
        {}, "box.test", "x.test", hosts=f"{A} box.test\r\n{B} x.test\r\n"
    ),
    "a byte order mark and no line end": one(
        {}, "box.test", "x", hosts=f"\ufeff{B} x\n{A} box.test"
    ),
    "a hosts file before DNS": one(BOX, hosts=f"{B} box.test\n"),
    "only IPv6 in the hosts file": one(BOX, hosts="::1 box.test\n", family="ipv4"),
    "only IPv4 in the hosts file": one(
        {"box.test": ["::1"]}, hosts=f"{B} box.test\n", family="ipv6"
    ),
    "a hosts file that changes": Situation(
        ["box.test"],
        servers=lambda: at(_1={}),
        hosts=f"{A} box.test\n",
        steps=[Step({"hosts": f"{B} box.test\n"}), Step({"hosts": ""}), Step({"hosts": None})],
    ),
    "a block list": one(
        {},
        *("n7777.test", "none.test"),
        hosts="".join(f"127.0.0.9 n{number}.test\n" for number in range(20_000)),
    ),
}

SWITCH: dict[str, Situation] = {
    words: one(
        {"box.test": [A], "only.test": [A], "nodata.test": NODATA, "broken.test": SERVFAIL},
        *("box.test", "only.test", "none.test", "file.test", "nodata.test", "broken.test"),
        hosts=f"{B} box.test broken.test\n{B} file.test\n",
        nsswitch=None if not words else f"passwd: files\n{words}\n",
    )
    for words in (
        "",
        "hosts: files",
        "hosts: dns",
        "hosts: files dns",
        "hosts: dns files",
        "hosts:files dns",
        "hosts: files [NOTFOUND=return] dns",
        "hosts: dns [NOTFOUND=return] files",
        "hosts: dns [!UNAVAIL=return] files",
        "hosts: dns [notfound = continue] files",
        "hosts: files dns myhostname",
        "hosts: files mdns4_minimal [NOTFOUND=return] dns",
        "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns",
        "hosts: files nothing dns # remark",
        "hosts: files\nhosts: files dns",
        "networks: files",
    )
}
SWITCH["nsswitch.conf changes"] = Situation(
    ["box.test"],
    servers=lambda: at(_1=BOX),
    nsswitch="hosts: files\n",
    steps=[Step({"nsswitch.conf": "hosts: files dns\n"})],
)
SWITCH["a .local name of a name server"] = one({"box.local": [A]}, "box.local", "none.local")

V4, V6 = "ip addr add 10.9.0.1/24 dev lo", "ip addr add fd09::1/64 dev lo nodad"
V6_OUT = "ip addr add 2001:db8::1/64 dev lo nodad"
BOTH: Zone = {
    "ours.test": ["10.9.0.1", "fd09::1"],
    "out.test": ["192.0.2.1", "2001:db8:1::1"],
    "near.test": ["10.9.0.7", "2001:db8::7"],
    "loop.test": [A, "::1"],
    "ll.test": ["169.254.1.1", "10.9.0.9", "fd09::9"],
}
ROUTES = "ip route add default dev lo; ip -6 route add default dev lo"
ORDER: dict[str, Situation] = {
    "IPv4 alone has a way": one(BOTH, commands=[V4]),
    "IPv6 alone has a way": one(BOTH, commands=[V6]),
    "both have a way": one(BOTH, commands=[V4, V6]),
    "both have a way out": one(BOTH, commands=[V4, V6_OUT, ROUTES]),
    "unique local and a way out": one(BOTH, commands=[V4, V6, ROUTES]),
    "gai.conf prefers IPv4": one(
        BOTH,
        commands=[V4, V6, V6_OUT, ROUTES],
        files={"gai.conf": "precedence ::ffff:0:0/96  100\n"},
    ),
    "gai.conf has labels": one(
        BOTH,
        commands=[V4, V6, V6_OUT, ROUTES],
        files={"gai.conf": "label ::1/128 0\nlabel ::/0 1\nlabel ::ffff:0:0/96 1\n#remark\n"},
    ),
    "in the hosts file": one(
        {}, "box.test", hosts="10.9.0.1 box.test\nfd09::1 box.test\n", commands=[V4, V6]
    ),
}

DNSMASQ = """
no-daemon
no-hosts
no-resolv
user=root
listen-address=127.0.0.1
bind-interfaces
server=127.0.0.2
address=/ready.test/127.0.0.1
address=/box.test/127.0.0.8
address=/both.test/127.0.0.8
address=/both.test/::1
address=/gone.test/
local=/lan.test/
cname=alias.lan.test,real.lan.test
host-record=real.lan.test,127.0.0.9,fd00::9
"""
UNBOUND = """
server:
  interface: 127.0.0.1
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." transparent
  local-data: "ready.test. A 127.0.0.1"
  local-data: "box.test. A 127.0.0.8"
  local-data: "both.test. A 127.0.0.8"
  local-data: "both.test. AAAA ::1"
  local-zone: "gone.test." always_nxdomain
  local-zone: "empty.test." always_nodata
  local-zone: "no.test." always_refuse
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.2
"""
BIND = """
options {{
  directory "{folder}"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file none; session-keyfile none; dnssec-validation no;
}};
controls {{ }};
zone "test" {{ type primary; file "{folder}/zone"; }};
"""
BIND_ZONE = """
$TTL 60
@ SOA ns.test. root.test. 1 60 60 60 60
@ NS ns.test.
ns A 127.0.0.1
ready A 127.0.0.1
box A 127.0.0.8
both A 127.0.0.8
both AAAA ::1
alias CNAME box
dangling CNAME none
other CNAME www.else.example.
text TXT "no address"
*.wild A 127.0.0.9
big A 127.0.2.1
""" + "\n".join(f"big A 127.0.2.{last}" for last in range(2, 90))
REAL_NAMES = ("box.test", "both.test", "gone.test", "none.test", "far.test", "real.lan.test")


def behind(daemon: Daemon, *names: str, **zone: object) -> Situation:
    """A real server, and what it asks itself."""
    servers: Servers = {SECOND: zone} if zone else {}  # type: ignore[dict-item]
    return Situation(names, servers=lambda: servers, daemons=[daemon], resolv=QUICK)


REAL = {
    "dnsmasq": Daemon("dnsmasq", ["--conf-file={file}"], DNSMASQ),
    "unbound": Daemon("unbound", ["-d", "-p", "-c", "{file}"], UNBOUND),
    "BIND": Daemon("named", ["-g", "-c", "{file}"], BIND, BIND_ZONE),
}
UPSTREAM: dict[str, object] = {"far.test": [B], "slow.test": late(0.4, B), "bad.test": SERVFAIL}
DAEMONS: dict[str, Situation] = {
    "dnsmasq": behind(
        REAL["dnsmasq"], *REAL_NAMES, "alias.lan.test", "none.lan.test", "slow.test", **UPSTREAM
    ),
    "dnsmasq, and what it asks fails": behind(REAL["dnsmasq"], "box.test", "bad.test", **UPSTREAM),
    "dnsmasq, and nobody to ask": behind(REAL["dnsmasq"], "box.test", "far.test"),
    "unbound": behind(REAL["unbound"], *REAL_NAMES, "empty.test", "no.test", **UPSTREAM),
    "BIND": behind(
        REAL["BIND"],
        *("box.test", "both.test", "alias.test", "dangling.test", "other.test", "text.test"),
        *("a.wild.test", "big.test", "none.test", "www.else.example", "BOX.test"),
    ),
}

SITUATIONS = PLAIN | FAULTS | SERVERS | CONF | SEARCH | FILES | SWITCH | ORDER | DAEMONS
