"""Files are checked by what they are, not by their name."""

import io
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from liangwang.base import files

pytestmark = pytest.mark.django_db


def picture(size: tuple[int, int] = (40, 30), **save: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, **{"format": "JPEG", **save})  # type: ignore[arg-type]
    return out.getvalue()


def test_a_picture_is_kept_once_and_loses_its_position(data_dir: Path, at: datetime) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (31.0, 13.0, 0.0)}
    raw = picture(exif=exif)
    assert b"Exif" in raw
    one = files.store(io.BytesIO(raw), "cover.jpg", at=at)
    two = files.store(io.BytesIO(raw), "copy.jpg", at=at)
    assert one.sha256 == two.sha256
    kept = files.open_file(one).read()
    assert b"Exif" not in kept and Image.open(io.BytesIO(kept)).size == (40, 30)


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>hello", b"PK\x03\x04zip", b"<svg onload=alert(1)>", b"hi %PDF-1.7 %%EOF"],
    ids=["empty", "html", "zip", "svg", "pdf not at the start"],
)
def test_what_is_not_a_document_is_refused_with_the_formats_that_are(
    data_dir: Path, at: datetime, raw: bytes
) -> None:
    with pytest.raises(files.WrongFileType) as refused:
        files.store(io.BytesIO(raw), "birth.jpg", at=at)
    assert "JPEG" in refused.value.message("zh") and "已填内容" in refused.value.message("zh")


def test_something_appended_to_a_picture_is_dropped(data_dir: Path, at: datetime) -> None:
    stored = files.store(io.BytesIO(picture() + b"<script>alert(1)</script>"), "a.jpg", at=at)
    assert b"<script>" not in files.open_file(stored).read()


def test_a_file_over_the_limit_is_refused(data_dir: Path, at: datetime) -> None:
    with pytest.raises(files.FileTooLarge):
        files.store(io.BytesIO(b"%PDF-" + b"0" * 2000), "big.pdf", at=at, max_bytes=1000)


def test_a_picture_with_too_many_pixels_is_refused(
    data_dir: Path, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_PIXELS", 100)
    with pytest.raises(files.WrongFileType):
        files.store(io.BytesIO(picture()), "flood.jpg", at=at)


def test_a_pdf_is_kept_as_it_is(data_dir: Path, at: datetime) -> None:
    raw = b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n"
    stored = files.store(io.BytesIO(raw), "../../etc/a.pdf", at=at)
    assert (stored.media_type, stored.name) == ("application/pdf", "a.pdf")
    assert files.open_file(stored).read() == raw
