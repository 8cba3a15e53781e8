"""What a file really is: judged by its content and never by its name; each refusal says why and what to do."""

import io
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import puremagic
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import Refusal
from .labels import Label
from .pdf import Danger, danger_in

MAX_PIXELS = 50_000_000
LONGEST_PX = 4096  # A4 at 350 dots an inch; more only fills disks
LARGEST_PNG_BYTES = 8 * 1024 * 1024
IMAGES = ("image/jpeg", "image/png", "image/webp")
DOCUMENTS = (*IMAGES, "application/pdf")
# A telephone's JPEG with a preview or a depth map inside is an MPO to Pillow.
_FORMATS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
OPENED = ("JPEG", "PNG", "WEBP")
_SAVED_AS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_ARCHIVES = (
    b"PK\x03\x04", b"PK\x05\x06", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
)  # fmt: skip
_OFFICE = (b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEIF = (b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1", b"avif")
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class WrongFileType(Refusal):
    """Not of a type that is asked for; the subclasses know more and say it."""

    status, code = 415, "wrong_file_type"
    template: ClassVar[Label] = {
        "zh": "这个文件打不开或不是所需格式（可用 {allowed}）；已填内容都还在",
        "en": "This file cannot be read or is not of a type that is needed ({allowed}). Your answers are kept",
    }


class EmptyFile(WrongFileType):
    code = "empty_file"
    template: ClassVar[Label] = {
        "zh": "这个文件是空的，可能没有传完；请重新选一次。已填内容都还在",
        "en": "This file is empty; perhaps it was cut off. Choose it again. Your answers are kept",
    }


class Archive(WrongFileType):
    """Never opened, so a bomb inside stays asleep."""

    code = "archive"
    template: ClassVar[Label] = {
        "zh": "压缩包不能收；请解压后把里面的文件一份一份上传（可用 {allowed}）。已填内容都还在",
        "en": "Archives are not taken; unpack it and upload the files one by one ({allowed}). Your answers are kept",
    }


class OfficeFile(WrongFileType):
    code = "office_file"
    template: ClassVar[Label] = {
        "zh": "这是 Word、Excel 之类的文件；请在里面选“另存为 PDF”再上传。已填内容都还在",
        "en": "This is a Word or Excel file; save it as PDF and upload that. Your answers are kept",
    }


class VectorImage(WrongFileType):
    code = "vector_image"
    template: ClassVar[Label] = {
        "zh": "SVG 和网页文件里可以藏程序，不能收；请截图或另存为图片、PDF 再上传。已填内容都还在",
        "en": "SVG and web pages can carry programs and are not taken; upload a screenshot, picture or PDF."
        " Your answers are kept",
    }


class HighEfficiencyImage(WrongFileType):
    """Not converted here: the readers of HEIC that install as a wheel bring libheif (LGPL) or x265 (GPL) along.

    Browsers on a telephone turn such a photo into JPEG themselves where the page says that it takes JPEG only.
    """

    code = "heif"
    template: ClassVar[Label] = {
        "zh": "这是 HEIC 照片（苹果手机的默认格式），这里打不开；请点“拍照”直接拍，或到手机“设置→相机→格式”选“兼容性最佳”再拍，"
        "也可以把照片截屏后上传。已填内容都还在",
        "en": "This is a HEIC photo (what iPhones make), which cannot be opened here; take it with the camera button, or"
        " choose Settings → Camera → Formats → Most Compatible and take it again, or upload a screenshot of it."
        " Your answers are kept",
    }


class TooManyPixels(WrongFileType):
    status, code = 413, "too_many_pixels"
    template: ClassVar[Label] = {
        "zh": "图片尺寸太大（{width}×{height}，最多 {limit} 万像素）；请缩小后再传。已填内容都还在",
        "en": "The picture is too large ({width}×{height}, at most {limit_m} megapixels); make it smaller."
        " Your answers are kept",
    }


class DamagedFile(WrongFileType):
    code = "damaged_file"
    template: ClassVar[Label] = {
        "zh": "文件不完整或已损坏，打不开；请重新导出或重新拍一张。已填内容都还在",
        "en": "The file is damaged or incomplete; export it again or take a new photo. Your answers are kept",
    }


class UnsafePdf(WrongFileType):
    """A PDF that does more than show pages; `why` is one of pdf.Danger, in words."""

    code = "unsafe_pdf"
    template: ClassVar[Label] = {
        "zh": "这份 PDF {why}，为安全不能收；请打开后选“打印”为 PDF，再上传打印出来的那份。已填内容都还在",
        "en": "This PDF {why_en} and is not taken; open it, print it to a new PDF and upload that one."
        " Your answers are kept",
    }


_WHY: dict[Danger, tuple[str, str]] = {
    Danger.PROGRAM: ("里面带有程序（脚本）", "carries a program (script)"),
    Danger.EMBEDDED: ("里面夹带了别的文件", "carries other files inside"),
    Danger.MARKUP: ("同时又是网页", "is at the same time a web page"),
    Danger.ARCHIVE: ("同时又是压缩包", "is at the same time an archive"),
    Danger.LOCKED: ("加了密码，没法检查", "is locked with a password and cannot be checked"),
    Danger.BOMB: ("展开后大得不正常", "unpacks to an absurd size"),
    Danger.OPAQUE: ("写法太特别，没法检查", "is written in a way that cannot be checked"),
}


class Content(NamedTuple):
    """What is kept of a file: its real type and clean bytes."""

    media_type: str
    raw: bytes


def judged(raw: bytes, allowed: tuple[str, ...] = DOCUMENTS) -> Content:
    """The real type and clean bytes of a file; raises the subclass of WrongFileType that says what is wrong.

    Pictures are written anew: position, EXIF and whatever else was in the file are gone, the orientation is applied.
    """
    if not raw:
        raise EmptyFile
    found = _pdf(raw) if raw.startswith(b"%PDF-") else _picture(raw)
    if found is None or found.media_type not in allowed:
        raise _named(raw)(allowed=words_of(allowed))
    return found


def _pdf(raw: bytes) -> Content:
    if b"%%EOF" not in raw[-2048:]:
        raise DamagedFile
    danger = danger_in(raw)
    if danger is not None:
        why, why_en = _WHY[danger]
        raise UnsafePdf(why=why, why_en=why_en)
    return Content("application/pdf", raw)


def _picture(raw: bytes) -> Content | None:
    """The picture written anew, or None for what is no picture; its size is looked at before it is unpacked."""
    try:
        with Image.open(io.BytesIO(raw), formats=OPENED) as picture:
            kind = _FORMATS[str(picture.format)]
            if picture.width * picture.height > MAX_PIXELS:
                raise TooManyPixels(
                    width=picture.width,
                    height=picture.height,
                    limit=MAX_PIXELS // 10_000,
                    limit_m=MAX_PIXELS // 1_000_000,
                )
            return _rewritten(picture, kind)
    except UnidentifiedImageError:
        return None
    except Image.DecompressionBombError:  # twice the limit: Pillow refuses already at the header
        limit = MAX_PIXELS // 10_000
        raise TooManyPixels(width="?", height="?", limit=limit, limit_m=limit // 100) from None
    except (OSError, ValueError, SyntaxError, MemoryError) as broken:
        raise DamagedFile from broken


def _rewritten(picture: Image.Image, kind: str) -> Content:
    picture.draft(
        "RGB", (LONGEST_PX, LONGEST_PX)
    )  # JPEG only: unpacks a huge photo at a fraction of its size
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((LONGEST_PX, LONGEST_PX))
    upright.info.clear()
    out = encoded(upright, kind)
    if len(out) > LARGEST_PNG_BYTES:  # a photo saved as PNG
        kind, out = "image/jpeg", encoded(upright, "image/jpeg")
    return Content(kind, out)


def encoded(picture: Image.Image, kind: str) -> bytes:
    """A picture's bytes as JPEG, PNG or WebP, without anything but its pixels."""
    out = io.BytesIO()
    if kind == "image/jpeg" and picture.mode not in {"RGB", "L"}:
        picture = picture.convert("RGB")
    elif kind == "image/webp" and picture.mode not in {"RGB", "RGBA"}:
        picture = picture.convert("RGBA")
    picture.save(out, _SAVED_AS[kind], quality=88)
    return out.getvalue()


def _named(raw: bytes) -> type[WrongFileType]:
    """Which refusal fits a file that is neither a picture nor a PDF."""
    head = raw[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if raw.startswith(_OLE) or (raw.startswith(b"PK") and any(mark in raw[:4096] for mark in _OFFICE)):
        return OfficeFile
    if raw.startswith(_ARCHIVES):
        return Archive
    if raw[4:8] == b"ftyp" and raw[8:12] in _HEIF:
        return HighEfficiencyImage
    if head[:1] == b"<" or b"<svg" in head.lower():
        return VectorImage
    return Archive if _extension(head) in {".tar", ".lzh", ".cab", ".iso"} else WrongFileType


def _extension(head: bytes) -> str:
    try:
        return str(puremagic.from_string(head))
    except (puremagic.PureError, ValueError):
        return ""


def words_of(kinds: Iterable[str]) -> str:
    """Types as people read them.

    >>> words_of(("image/png", "application/pdf"))
    'PDF, PNG'
    """
    return ", ".join(sorted(kind.partition("/")[2].upper() for kind in kinds))
