"""Vehicle plates: width, blanks, dots and case; ordinary plates and those of new-energy vehicles (沪A·12345, 沪AD12345).

GA 36-2018 gives the form: an abbreviation of the province, a letter of the issuing office and five characters without
I and O, six for new energy, the last of which may be 学, 警, 挂, 港, 澳 or 领. Which letter stands for which part of
Shanghai (`REGIONS`) is from general knowledge: unverified.
"""

import pyarrow as pa
import pyarrow.compute as pc

from .shapes import matches, reshaped, text_array, tidied

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_BODY = "[A-HJ-NP-Z0-9]"
ORDINARY = rf"^[{PROVINCES}][A-Z]{_BODY}{{4}}[A-HJ-NP-Z0-9学警挂港澳领]$"
# Small vehicles carry the letter first, large ones last (GA 36-2018); only D (electric) and F (other) were first issued.
NEW_ENERGY = rf"^[{PROVINCES}][A-Z](?:[A-HJK]{_BODY}\d{{4}}|\d{{5}}[A-HJK])$"
EMBASSY = r"^使\d{6}$|^\d{6}使$"
CANONICAL = f"{ORDINARY}|{NEW_ENERGY}|{EMBASSY}"
REGIONS = {"沪C": "郊区", "沪R": "崇明"}


def column(values: pa.Array) -> pa.Array:
    """Plates as seven or eight characters; what is none stays as it is."""
    return reshaped(text_array(values), CANONICAL, _fixed)


def _fixed(values: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(tidied(values), r"[^0-9A-Z\p{Han}]", "")


def new_energy(values: pa.Array) -> pa.Array:
    """Whether a canonical plate is one of a new-energy vehicle, bool[n]."""
    return matches(values, NEW_ENERGY)


def normal(text: str) -> str:
    """One plate in its canonical form.

    >>> normal("沪ａ·d1234５")
    '沪AD12345'
    """
    return str(column(pa.array([text]))[0].as_py())
