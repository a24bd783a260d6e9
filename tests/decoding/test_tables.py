"""Characters that Python's codecs lack: as many as the standard's indexes have, in their places."""

from tryconnect._decoding.tables import euc_jp_rows, hkscs_2008

# Sequences and characters of the Encoding Standard's index-big5.txt and index-jis0208.txt.
BIG5 = {b"\x87\x7a": "\u3875", b"\xa3\xe1": "\u20ac", b"\xa3\xe0": "\u2421", b"\xc6\xdf": "\u4edd"}
EUC_JP = {b"\xad\xa1": "\u2460", b"\xf9\xa1": "\u7e8a", b"\xfc\xfe": "\uff02"}


def test_big5_has_the_characters_of_2008_in_their_places() -> None:
    table = hkscs_2008()
    assert {sequence: table[sequence] for sequence in BIG5} == BIG5
    assert all(len(character) == 1 for character in table.values())
    python = {sequence.decode("big5hkscs", "replace") for sequence in table}
    assert not python & set(table.values())


def test_euc_jp_has_the_rows_that_windows_added() -> None:
    table = euc_jp_rows()
    assert {sequence: table[sequence] for sequence in EUC_JP} == EUC_JP
    assert {sequence[0] - 0xA0 for sequence in table} == {13, 89, 90, 91, 92}
    assert b"\xad\xbf" not in table  # an empty place
