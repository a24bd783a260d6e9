"""What is said of every peer is what the documents say, by every kind of call, and on time."""

from __future__ import annotations

import pytest

from tests.support import hall

LATE = 0.25
"""Seconds by which a busy machine may miss a deadline; the promise is 0.05 s."""

TABLE = hall.read(hall.PAGE.read_text("utf-8"))
ROWS = {(title, name): row for title, rows in hall.SECTIONS.items() for name, row in rows.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("title", "name"), ROWS)
def test_the_page_says_what_is_said(title: str, name: str) -> None:
    row = ROWS[title, name]

    said = hall.answers(name, row)

    assert [each.word for each in said.values()] == TABLE[title, name]
    assert max(each.seconds for each in said.values()) < hall.limit_for(name, row) + LATE


def test_the_page_has_all_peers_and_no_others() -> None:
    assert list(TABLE) == list(ROWS)


def test_names_that_do_not_exist_and_name_servers_that_fail_are_told_apart() -> None:
    words = {name: set(TABLE["Name servers", name]) for name in hall.NAMES}
    missing = {name for name, said in words.items() if "dns_not_found" in said}

    assert missing == {"NXDOMAIN", "NODATA", "a loop of aliases"}
    assert not [name for name in missing if "dns_failed" in words[name]]


def test_a_page_is_read_as_it_is_written() -> None:
    said = {call: hall.Said(f"word{at}", at) for at, call in enumerate(hall.CALLS)}
    head = ["", "Servers", "-------", "", ".. list-table::", ""]
    lines = hall.written("to x: y", ROWS["Servers", "silent"], said)
    page = "\n".join([hall.BEGIN, *head, *lines, "", hall.END])

    assert hall.read(page) == {("Servers", "to x: y"): [each.word for each in said.values()]}
