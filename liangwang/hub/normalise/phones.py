"""Telephone numbers: mobile ones as eleven digits, fixed lines as area code, number and extension (021-52564588-801).

A prefix of China (86, +86, 0086), blanks, dashes, brackets and full-width digits go. A local number without an area
code stays as it is, because only its office knows the area. The ranges (mobile 13 to 19, area codes 010, 02x, 03xx to
09xx, local numbers beginning with 2 to 8) are those of the public numbering plan, from general knowledge: unverified.
"""

import pyarrow as pa
import pyarrow.compute as pc

from .shapes import matches, reshaped, text_array, tidied

MOBILE = r"^1[3-9]\d{9}$"
FIXED = r"^0(?:10|2\d|[3-9]\d\d)-[2-8]\d{6,7}(?:-\d{1,6})?$"
CANONICAL = f"{MOBILE}|{FIXED}"
CHINA = r"(?:\+|00)?86-?"


def column(values: pa.Array) -> pa.Array:
    """Telephone numbers in one notation; what is none stays as it is."""
    return reshaped(text_array(values), CANONICAL, _fixed)


def _fixed(values: pa.Array) -> pa.Array:
    found = tidied(values)
    plain = pc.replace_substring_regex(found, r"[^0-9A-Z\p{Han}+#*]", "")
    mobile = pc.replace_substring_regex(plain, r"^(?:(?:\+|00)?86)?0?(1[3-9]\d{9})$", r"\1")
    good = matches(mobile, MOBILE)
    if pc.all(good).as_py():
        return mobile
    return pc.replace_with_mask(mobile, pc.invert(good), _line(found.filter(pc.invert(good))))


def _line(values: pa.Array) -> pa.Array:
    """Fixed lines: the zero of the area code may be missing only after the prefix of China."""
    found = pc.replace_substring_regex(values, r"转|分机|EXT\.?|#|\*|X|[^0-9A-Z\p{Han}+]+", "-")
    found = pc.utf8_trim(pc.replace_substring_regex(found, r"-+", "-"), characters="-")
    found = pc.replace_substring_regex(
        found,
        rf"^(?:(?:{CHINA})?0|(?:\+|00)86-?)(10|2\d|[3-9]\d\d)-?([2-8]\d{{6,7}})(?:-(\d{{1,6}}))?$",
        r"0\1-\2-\3",
    )
    return pc.utf8_rtrim(found, characters="-")


def normal(text: str) -> str:
    """One telephone number in its canonical form.

    >>> normal("+86 138-0000-0000"), normal("(021)5256 4588转801")
    ('13800000000', '021-52564588-801')
    """
    return str(column(pa.array([text]))[0].as_py())
