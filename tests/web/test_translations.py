"""Every string of every surface has its English."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from .messages import SURFACES, WEB, msgids, of_template

CJK = re.compile(r"[\u3400-\u9fff\uff00-\uffef\u3000-\u303f]")


def catalogue(surface: str) -> dict[str, tuple[str, ...]]:
    """{msgid: English forms} of one surface's .po; empty where it has none."""
    path: Path = WEB / surface / "locale" / "en" / "LC_MESSAGES" / "django.po"
    if not path.is_file():
        return {}
    with path.open("rb") as f:
        entries = [m for m in read_po(f) if m.id and "fuzzy" not in m.flags]
    return {
        (m.id[0] if isinstance(m.id, tuple) else str(m.id)): tuple(m.string)
        if m.pluralizable
        else (str(m.string),)
        for m in entries
    }


def test_a_template_is_read_as_django_reads_it() -> None:
    plural = "{% blocktranslate with n=a %}{{ n }} 份 5%{% plural %}x{% endblocktranslate %}"
    text = '{% translate "好" as x %}{% button _("走") %}' + plural
    assert sorted(of_template(text)) == sorted(["好", "走", "%(n)s 份 5%%"])


@pytest.mark.parametrize("surface", SURFACES)
def test_every_string_has_its_english(surface: str) -> None:
    everyone = {msgid: forms for name in SURFACES for msgid, forms in catalogue(name).items()}
    missing = {
        msgid: files[0]
        for msgid, files in msgids()[surface].items()
        if CJK.search(msgid) and not all(everyone.get(msgid, ("",)))
    }
    assert not missing, f"{len(missing)} strings without English in {surface}: {missing}"


@pytest.mark.parametrize("surface", SURFACES)
def test_english_is_english_and_names_the_same_fields(surface: str) -> None:
    for msgid, forms in catalogue(surface).items():
        for english in forms:
            assert not CJK.search(english), f"{surface}: {msgid!r} -> {english!r}"
            assert set(re.findall(r"%\((\w+)\)s", english)) <= set(re.findall(r"%\((\w+)\)s", msgid)), msgid
