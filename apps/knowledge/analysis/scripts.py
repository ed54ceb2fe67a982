"""Character classes shared by the analyser, the language detector and the token estimate."""

import sys
import unicodedata

#: Han with extensions, kana, bopomofo, hangul and the iteration mark: written without reliable word spaces.
CJK = (
    "\u3005\u3007\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\u1100-\u11ff\uf900-\ufaff\U00020000-\U0003ffff"
)

#: Thai, Lao, Myanmar and Khmer are also written without spaces, so they are cut into n-grams too.
SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"


def _mark_ranges() -> str:
    """Combining marks as a regex class: Python's ``\\w`` leaves them out, which would cut Indic and Arabic
    words."""
    marks = [code for code in range(0x10000) if unicodedata.category(chr(code)) in {"Mn", "Mc"}]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


MARKS = sys.intern(_mark_ranges())
