"""Characters of Big5 and EUC-JP that none of Python's codecs has in the right place.

Encoding Standard, "index-big5.txt" and "index-jis0208.txt".
"""

from typing import Final

# What Python's big5hkscs (HKSCS-2004) lacks: the first sequence of each run, and its characters. No
# run goes beyond the last trail byte of its lead.
_HKSCS_RUNS: Final = """
877a㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳
87c4䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋
8e69箸 8e6f簆 8e7e糎 8eab緒 8eb4縝 8ecd者 8ed0耨 8f57菁 8f69蒨 8f6e萏
8fcb覦覩 8ffe起 906d都 907a銹 90dc靜 90f1響 91bf鼖 9244蔃 92af兙兛兝兞
92c8鍮 92d1瑹 9447浧 94ca禛 95d9邗 9644靝 96ed瀞 96fc嬨 9b76爁 9b78矗
9b7b纇 9bc6駖 9bde釔 9bec惞 9bf6澶 9c42輶 9c53侻 9c62營 9c68鄄 9c6b鷰
9c77菏 9cbc尐秣 9cd0婧 9d57輋 9d5a筑 9dc4拐 9ea9恢 9eef痹 9efd汊 9f60鬮
9f66鼗 9fcb僭 9fd8弌 a063蠏 a077拎 a0d5瑨 a0df煢 a0e4牐 c6cf廴 c6d3无
c6d5癶 c6d7隶 c6de〃仝 fa5f倩 fa66偽 fabd包 fac5卄 fad5卿 fb48嘅 fbb8婷
fbf3幵 fbf9廐 fc4f彘 fc6c悤 fcb9撐 fce2晴 fcf1杞 fdb7沜渝 fdbb港 fdf1煮
fe52猪 fe6f瑜 feaa瓩 fedd砉
"""

# Row 13 (NEC) and rows 89 to 92 (IBM's characters, where NEC put them): what Windows added.
_WINDOWS_ROWS: Final = (13, 89, 90, 91, 92)

# The standard numbers the characters of an encoding in the order of these bytes.
_BIG5_TRAILS: Final = bytes([*range(0x40, 0x7F), *range(0xA1, 0xFF)])
_SHIFT_JIS_LEADS: Final = bytes([*range(0x81, 0xA0), *range(0xE0, 0xFD)])
_SHIFT_JIS_TRAILS: Final = bytes([*range(0x40, 0x7F), *range(0x80, 0xFD)])


def hkscs_2008() -> dict[bytes, str]:
    """Return the characters of the runs, and the pictures of control characters before the euro."""
    found: dict[bytes, str] = {}
    pictures = "".join(map(chr, range(0x2400, 0x2420))) + "\u2421\u20ac"
    for run in [*_HKSCS_RUNS.split(), "a3c0" + pictures]:
        lead, trail = bytes.fromhex(run[:4])
        for number, character in enumerate(run[4:], _BIG5_TRAILS.index(trail)):
            found[bytes([lead, _BIG5_TRAILS[number]])] = character
    return found


def euc_jp_rows() -> dict[bytes, str]:
    """Return the rows that Windows added, which Shift_JIS has in the same order."""
    found: dict[bytes, str] = {}
    for row in _WINDOWS_ROWS:
        for cell in range(1, 95):
            lead, trail = divmod((row - 1) * 94 + cell - 1, len(_SHIFT_JIS_TRAILS))
            shift_jis = bytes([_SHIFT_JIS_LEADS[lead], _SHIFT_JIS_TRAILS[trail]])
            character = shift_jis.decode("cp932", "ignore")
            if not character.isascii():  # an empty place leaves nothing, or its second byte
                found[bytes([row + 0xA0, cell + 0xA0])] = character
    return found
