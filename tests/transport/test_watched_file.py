"""A file of settings is read again when what stands behind its path has changed."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tryconnect._transport.watched_file import WatchedFile


def replaced(path: Path, text: str) -> None:
    """As NetworkManager does: another file takes the name."""
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(path)


def relinked(path: Path, text: str) -> None:
    """As resolvconf does: the path is a link, and what it leads to is replaced."""
    target = path.with_name("target")
    target.write_text(text)
    path.unlink()
    path.symlink_to(target)


CHANGES: dict[str, Callable[[Path], object]] = {
    "written to": lambda path: path.write_text("two, longer"),
    "replaced": lambda path: replaced(path, "two"),
    "made a link": lambda path: relinked(path, "two"),
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_at_the_next_look(change: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    file = WatchedFile(str(path), str)

    before = file.read()
    CHANGES[change](path)

    assert before == "one"
    assert file.read() == (path.read_text() if path.exists() else "None")


def test_the_value_is_made_once_per_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    file = WatchedFile(str(path), lambda text: [text])

    assert file.read() is file.read()


def test_what_is_not_utf_8_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"caf\xe9")

    assert WatchedFile(str(path), str).read() == "caf\udce9"


@pytest.mark.parametrize(
    ("number", "then"), [(errno.EMFILE, "one"), (errno.ENFILE, "one"), (errno.EACCES, "None")]
)
def test_a_file_that_cannot_be_opened_just_now_is_not_taken_for_none(
    number: int, then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> bytes:
        raise OSError(number, "no")

    path = tmp_path / "file"
    path.write_text("one")
    file = WatchedFile(str(path), str)
    file.read()
    path.write_text("two, longer")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        assert file.read() == then
    if then == "one":
        assert file.read() == "two, longer"
