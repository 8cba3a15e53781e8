"""Files are judged by what they are, not by their name; every attack is made here and told in words."""

import io
import struct
import tracemalloc
import zipfile
import zlib
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from liangwang.base import contents, files, pdf
from liangwang.base.pdf import Danger

pytestmark = pytest.mark.django_db


def picture(size: tuple[int, int] = (40, 30), **save: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, **{"format": "JPEG", **save})  # type: ignore[arg-type]
    return out.getvalue()


def pdf_with(*objects: bytes, tail: bytes = b"") -> bytes:
    """A small PDF with these objects."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, one) for n, one in enumerate(objects, start=1))
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF\n" + tail


def stream(data: bytes, extra: bytes = b"/Filter/FlateDecode") -> bytes:
    packed = zlib.compress(data, 9)
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (extra, len(packed), packed)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("bomb", bytes(5_000_000))
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is as large as this."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


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


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_every_kind_of_picture_loses_what_was_written_beside_it(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "flat 402"
    raw = picture(format=kind, exif=exif)
    assert b"flat 402" in raw
    assert b"flat 402" not in contents.judged(raw).raw


def test_a_photo_taken_sideways_stands_upright_although_its_exif_is_gone() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(contents.judged(picture((40, 30), exif=exif)).raw)) as upright:
        assert upright.size == (30, 40)


def test_a_telephone_photo_with_a_second_picture_inside_is_a_jpeg() -> None:
    out = io.BytesIO()
    first, second = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (4, 3), "blue")
    first.save(out, "MPO", save_all=True, append_images=[second])
    found = contents.judged(out.getvalue())
    with Image.open(io.BytesIO(found.raw)) as kept:
        assert (found.media_type, kept.format, getattr(kept, "n_frames", 1)) == ("image/jpeg", "JPEG", 1)


@pytest.mark.parametrize(
    ("raw", "refusal", "words"),
    [
        (b"", contents.EmptyFile, "空的"),
        (b"<!DOCTYPE html><html>hello", contents.VectorImage, "截图"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x" onload="alert(1)"/>', contents.VectorImage, "SVG"),
        (b"\xef\xbb\xbf  <svg><script>alert(1)</script></svg>", contents.VectorImage, "SVG"),
        (archive(), contents.Archive, "压缩包"),
        (b"\x1f\x8b\x08" + zlib.compress(bytes(100)), contents.Archive, "解压"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", contents.OfficeFile, "另存为 PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), contents.OfficeFile, "另存为 PDF"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), contents.HighEfficiencyImage, "HEIC"),
        (b"hi %PDF-1.7 %%EOF", contents.WrongFileType, "JPEG"),
        (b"MZ\x90\x00" + bytes(80), contents.WrongFileType, "JPEG"),
        (b"GIF89a" + bytes(30), contents.WrongFileType, "PDF"),
        (picture()[:200], contents.DamagedFile, "不完整"),
        (b"%PDF-1.7\n1 0 obj<<>>endobj\n", contents.DamagedFile, "不完整"),
        (png_of(9_000, 9_000), contents.TooManyPixels, "9000×9000"),
        (png_of(60_000, 60_000), contents.TooManyPixels, "太大"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_is_not_a_document_is_refused_in_words(
    raw: bytes, refusal: type[contents.WrongFileType], words: str
) -> None:
    with pytest.raises(contents.WrongFileType) as refused:
        contents.judged(raw)
    assert type(refused.value) is refusal
    assert words in refused.value.message("zh") and "已填内容都还在" in refused.value.message("zh")
    assert "Your answers are kept" in refused.value.message("en")


def test_a_picture_is_refused_before_it_is_unpacked() -> None:
    raw = png_of(30_000, 3_300)  # 297 MB of pixels, within twice the limit
    tracemalloc.start()
    with pytest.raises(contents.TooManyPixels):
        contents.judged(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("raw", "danger"),
    [
        (pdf_with(b"<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>"), Danger.PROGRAM),
        (pdf_with(b"<</OpenAction<</S/J#61vaScr#69pt/JS(x)>>>>"), Danger.PROGRAM),
        (pdf_with(b"<</S/Launch/F(cmd.exe)>>"), Danger.PROGRAM),
        (pdf_with(b"<</AcroForm<</XFA 5 0 R>>>>"), Danger.PROGRAM),
        (pdf_with(b"<</Names<</EmbeddedFiles 2 0 R>>>>"), Danger.EMBEDDED),
        (pdf_with(b"<</Type/EmbeddedFile/Length 2>>stream\nMZ\nendstream"), Danger.EMBEDDED),
        (pdf_with(b"<</Length 30>>stream\n<script>alert(1)</script>\nendstream"), Danger.MARKUP),
        (pdf_with(b"<<>>", tail=b"<!DOCTYPE html><html>"), Danger.MARKUP),
        (pdf_with(b"<<>>", tail=archive()), Danger.ARCHIVE),
        (pdf_with(b"<<>>").replace(b"/Root", b"/Encrypt 9 0 R/Root"), Danger.LOCKED),
        (pdf_with(stream(b"7 0 <</S/JavaScript/JS(x)>>", b"/Type/ObjStm/N 1/First 4")), Danger.PROGRAM),
        (pdf_with(stream(b"7 0 " + bytes(2_000_000) + b"<</S/Launch>>")), Danger.PROGRAM),
        (pdf_with(b"<</Type/ObjStm/Filter/LZWDecode/Length 1>>stream\nx\nendstream"), Danger.OPAQUE),
    ],
)
def test_a_pdf_that_does_more_than_show_pages_is_refused_with_the_reason(raw: bytes, danger: Danger) -> None:
    raw = raw if b"%%EOF" in raw[-2048:] else raw + b"\n%%EOF"
    assert pdf.danger_in(raw) is danger
    with pytest.raises(contents.UnsafePdf) as refused:
        contents.judged(raw)
    assert "打印" in refused.value.message("zh") and "print it" in refused.value.message("en")


def test_a_bomb_in_a_pdf_is_unpacked_only_so_far() -> None:
    raw = pdf_with(stream(b"1 0 " + bytes(200_000_000), b"/Type/ObjStm/Filter/FlateDecode"))
    assert len(raw) < 300_000
    tracemalloc.start()
    assert pdf.danger_in(raw) is Danger.BOMB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000


def test_something_appended_to_a_picture_is_dropped(data_dir: Path, at: datetime) -> None:
    stored = files.store(io.BytesIO(picture() + b"<script>alert(1)</script>"), "a.jpg", at=at)
    assert b"<script>" not in files.open_file(stored).read()


def test_a_picture_that_is_also_a_pdf_and_an_archive_is_only_a_picture() -> None:
    raw = picture() + pdf_with(b"<</S/JavaScript>>") + archive()
    kept = contents.judged(raw).raw
    assert b"%PDF" not in kept and b"PK\x05\x06" not in kept


def test_a_file_over_the_limit_is_refused(data_dir: Path, at: datetime) -> None:
    with pytest.raises(files.FileTooLarge):
        files.store(io.BytesIO(b"%PDF-" + b"0" * 2000), "big.pdf", at=at, max_bytes=1000)


def test_an_honest_pdf_is_kept_as_it_is(data_dir: Path, at: datetime) -> None:
    text = stream(b"BT /F1 12 Tf (JS, Launch & Co.) Tj ET")
    raw = pdf_with(b"<</Type/Catalog/OpenAction[2 0 R/Fit]>>", text, stream(b"1 0 <</Type/Page>>"))
    stored = files.store(io.BytesIO(raw), "../../etc/a.pdf", at=at)
    assert (stored.media_type, stored.name) == ("application/pdf", "a.pdf")
    assert files.open_file(stored).read() == raw
