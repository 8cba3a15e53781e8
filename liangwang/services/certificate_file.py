"""A certificate as the file that its holder keeps: drawn once by its layout, signed over every byte, never changed after."""

import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.conf import settings

from liangwang.base import files
from liangwang.base.labels import Label, pick
from liangwang.engines.certificate_paper import CertificatePaper, render

from . import catalogue
from .certificate_codes import sealed
from .certificate_layouts import CertificateLayout, layout_of
from .letters_paper import day_of
from .models import Certificate
from .vocabulary import field_id
from .worded import worded

HOLDER: Label = {"zh": "持证人", "en": "Holder"}
UNTIL: Label = {"zh": "有效期至", "en": "Valid until"}
FOREVER: Label = {"zh": "长期有效", "en": "No end"}


def stated(certificate: Certificate) -> list[tuple[Label, Any]]:
    """What a certificate states, in the order of its layout: holder, values, last day; a value is a text or a Label."""
    body = certificate.body
    rows: list[tuple[Label, Any]] = [(HOLDER, body["holder"])] if body["holder"] else []
    rows += [
        (label, value) for label, value in _values(certificate) if value not in ("", None, body["holder"])
    ]
    until = body["valid_until"]
    said = {lang: day_of(date.fromisoformat(until), lang) for lang in ("zh", "en")} if until else FOREVER
    return [*rows, (UNTIL, said)]


def _values(certificate: Certificate) -> Iterator[tuple[Label, Any]]:
    words, values = catalogue.words(), certificate.body["values"]
    for key in layout_of(certificate.type).shows:
        field = field_id(certificate.role, key)
        if field in values:
            concept = words.concept(key)
            value = values[field]
            if concept.kind == "date" and value:
                value = {lang: day_of(str(value), lang) for lang in ("zh", "en")}
            yield concept.label, worded(concept, field, value)


def paper_of(certificate: Certificate) -> CertificatePaper:
    """What is drawn, in the city's language of record."""
    body, layout = certificate.body, layout_of(certificate.type)
    words = {"holder": body["holder"] or body["label"]["zh"], "label": body["label"]["zh"]}
    return CertificatePaper(
        title=body["label"]["zh"],
        number=certificate.number,
        text=tuple(text["zh"].format(**words) for text in layout.text),
        rows=tuple((label["zh"], _plain(value)) for label, value in stated(certificate)),
        remark=layout.remark["zh"] if layout.remark else "",
        office=body["office"]["zh"],
        signed_on=day_of(body["issued_on"]),
        code=certificate.signed,
        verify=f"{settings.SITE}/verify/",
        demo=settings.DEMO,
        at=certificate.issued_at,
    )


def _plain(value: Any) -> str:
    return pick(value, "zh") if isinstance(value, dict) else str(value)


def make(certificate: Certificate, at: datetime) -> bytes:
    """The signed file, made anew."""
    layout: CertificateLayout = layout_of(certificate.type)
    pdf = render(paper_of(certificate), layout.form)
    return sealed(pdf, code=certificate.signed, ref=certificate.ref, at=at)


def keep(certificate: Certificate, raw: bytes, at: datetime) -> None:
    """Keeps the file; of two that were made at once the first stays."""
    stored = files.store(io.BytesIO(raw), f"{certificate.number}.pdf", at=at, allowed=("application/pdf",))
    Certificate.objects.filter(pk=certificate.pk, file=None).update(file=stored)
    certificate.refresh_from_db(fields=["file"])


def kept(certificate: Certificate) -> bytes | None:
    """The file as it was first given; None where nobody has asked for it yet."""
    if certificate.file is None:
        return None
    with files.open_file(certificate.file) as stored:
        return stored.read()
