"""Papers: official letters on A4 and as PDF, proofs of delivery, the archive of a finished case."""

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.transactions import write
from liangwang.cases.queries import Case, case_by_ref
from liangwang.services import actions, queries
from liangwang.services.archive import as_file
from liangwang.services.queries import Letter


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
