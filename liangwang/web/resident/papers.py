"""Papers: certificates with their QR, official letters on A4, and the page on which anyone verifies them."""

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.cases.queries import Case, case_by_ref
from liangwang.services import actions, queries
from liangwang.services.archive import as_file
from liangwang.services.queries import Certificate, Letter


@door("read", "certificate")
def certificates(request: HttpRequest) -> HttpResponse:
    """The person's certificates and those of her children."""
    subject = request.actor.for_subject_id  # type: ignore[attr-defined]
    found = queries.certificates_of(subject) if subject else []
    return render(
        request, "resident/certificates.html", {"certificates": found, "today": local_day(clock.now())}
    )


@door("read", "certificate", of=queries.certificate_by_ref)
def certificate(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    """One certificate: what it says, and the QR that proves it."""
    state = queries.verify_certificate(certificate.ref, local_day(clock.now()))
    context = {"certificate": certificate, "qr_svg": queries.certificate_qr(certificate), "verdict": state}
    return render(request, "resident/certificate.html", context)


@door("open", "public")
def verify(request: HttpRequest, ref: str = "") -> HttpResponse:
    """Anyone checks a certificate or letter by its number or the text of its QR; no more is shown than the paper says."""
    text = request.GET.get("q", ref).strip()
    answer: dict[str, Any] | None = None
    letter: dict[str, Any] | None = None
    if text:
        found = queries.letter_by_ref(text)
        letter = queries.letter_page(found) if found else None
        answer = None if letter else queries.verify_certificate(text, local_day(clock.now()))
    return render(request, "resident/verify.html", {"text": text, "answer": answer, "letter": letter})


def case_of_letter(ref: str) -> Case | None:
    """The case in which this letter was written; whoever may read the one may read the other."""
    found = queries.letter_by_ref(ref)
    return case_by_ref(found.case.ref) if found else None


def _letter(request: HttpRequest) -> Letter:
    ref = request.resolver_match.kwargs["ref"] if request.resolver_match else ""
    found = queries.letter_by_ref(ref)
    assert found is not None  # the door has found its case
    return found


@door("read", "application", of=case_of_letter)
def letter(request: HttpRequest, case: Case) -> HttpResponse:
    """An official letter (文书) as it prints on A4; that its addressee opens it is its receipt (送达)."""
    found = _letter(request)
    with write():
        actions.letter_opened(actor=request.actor, letter=found, at=clock.now())  # type: ignore[attr-defined]
    return render(request, "print/letter.html", {**queries.letter_page(found), "case": case})


@door("read", "application", of=case_of_letter)
def letter_pdf(request: HttpRequest, case: Case) -> HttpResponse:
    """The letter as PDF: the sealed file, or, in the seconds before it is sealed, the same bytes made now."""
    found = _letter(request)
    answer = HttpResponse(queries.letter_pdf(found), content_type="application/pdf")
    answer["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(found.number)}.pdf"
    return answer


def case_of_delivery(ref: str) -> Case | None:
    """The case of the letter that was delivered."""
    found = queries.delivery_by_ref(ref)
    return case_by_ref(found.letter.case.ref) if found else None


@door("read", "application", of=case_of_delivery)
def delivery_proof(request: HttpRequest, case: Case) -> HttpResponse:
    """送达回证 as PDF; before the letter has arrived, the form for its receiver's signature."""
    ref = request.resolver_match.kwargs["ref"] if request.resolver_match else ""
    found = queries.delivery_by_ref(ref)
    assert found is not None  # the door has found its case
    answer = HttpResponse(queries.delivery_pdf(found), content_type="application/pdf")
    answer["Content-Disposition"] = "inline; filename=delivery.pdf"
    return answer


@door("read", "application", of=case_by_ref)
def archive(request: HttpRequest, case: Case) -> HttpResponse:
    """电子档案 of a finished case as one file, to be kept and checked later (`liangwang verify-archive`)."""
    sealed = queries.archive_of(case)
    if sealed is None:
        raise NotFound
    answer = HttpResponse(as_file(sealed), content_type="application/zip")
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(case.number)}.zip"
    return answer
