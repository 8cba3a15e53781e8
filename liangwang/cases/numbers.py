"""Case numbers that people read aloud: 沪-20261122-000017-8, the last a check digit (ISO 7064, MOD 11-10)."""

import re
import tomllib
from datetime import datetime
from functools import cache

from django.conf import settings
from django.utils.timezone import get_default_timezone
from stdnum.iso7064 import mod_11_10

NUMBER = re.compile(r"(?P<prefix>\D{1,4})-(?P<day>\d{8})-(?P<serial>\d{6,})-(?P<check>\d)\Z")


@cache
def number_prefix() -> str:
    """The city's short name, from `number_prefix` or `short` in city.toml."""
    path = settings.CITY_DIR / "city.toml"
    city = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return str(city.get("number_prefix") or city.get("short") or settings.CITY[:2].upper())


def case_number(prefix: str, at: datetime, serial: int) -> str:
    """The number of the case with this serial; the serial is the row's id, so no counter is fought over."""
    day = at.astimezone(get_default_timezone()).strftime("%Y%m%d")
    digits = f"{day}{serial:06d}"
    return f"{prefix}-{day}-{serial:06d}-{mod_11_10.calc_check_digit(digits)}"


def is_case_number(text: str) -> bool:
    """Whether a number is well formed and its check digit right: one wrong digit is always found."""
    found = NUMBER.match(text.strip())
    return bool(found and mod_11_10.is_valid(found["day"] + found["serial"] + found["check"]))
