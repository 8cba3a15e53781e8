"""Official letters as pages and files, how they were delivered, and the archive of a finished case."""

from typing import Any

from django.utils.translation import get_language

from liangwang.base.files import open_file
from liangwang.cases.queries import Case
from liangwang.engines.paper import render

from ..letters_paper import STATES, WAYS, addressee, is_licence, paper_of, proof_of_delivery, verify_address
from ..letters_text import title_of
from ..models import Letter
from ..models_letters import Archive, Delivery


def letter_by_ref(ref: str) -> Letter | None:
    """The official letter that a link names."""
    with_all = Letter.objects.select_related(
        "office", "case", "submission__version", "subject__person", "subject__company", "file"
    )
    return with_all.filter(ref=ref).first()


def letter_page(letter: Letter) -> dict[str, Any]:
    """An official letter for A4: {letter, title, number, office: Label, date, to: name, item: Label, case_number, kind,
    paper: engines.paper.Paper in the reader's language, verify: path for the QR, deliveries as in delivery_rows}.
    """
    return {
        "letter": letter,
        "title": title_of(letter.kind, licence=is_licence(letter)),
        "number": letter.number,
        "office": letter.office.name if letter.office else None,
        "date": letter.at,
        "to": addressee(letter),
        "item": letter.case.title,
        "case_number": letter.case.number,
        "kind": letter.kind,
        "paper": paper_of(letter, lang=(get_language() or "zh")[:2], verify=verify_address(letter)),
        "verify": f"/verify/{letter.ref}/",
        "deliveries": delivery_rows(letter),
    }


def letter_pdf(letter: Letter) -> bytes:
    """The letter as PDF: the sealed file, or, in the seconds before it is sealed, the same bytes made now."""
    if letter.file is not None:
        with open_file(letter.file) as sealed:
            return sealed.read()
    return render(paper_of(letter, verify=verify_address(letter)))


def letters_of(case: Case) -> list[Letter]:
    """The letters written in a case, the oldest first, each with its deliveries at hand."""
    rows = Letter.objects.filter(case=case).select_related(
        "office", "submission__version", "subject__person", "subject__company"
    )
    return list(rows.prefetch_related("deliveries").order_by("id"))


def delivery_rows(letter: Letter) -> list[dict[str, Any]]:
    """How a letter went out, each way {it: Delivery, way: Label, kind: status, state: Label}, the oldest first."""
    rows = sorted(letter.deliveries.all(), key=lambda one: one.pk)
    return [
        {"it": one, "way": WAYS[one.way], "kind": kind, "state": word}
        for one in rows
        for kind, word in [STATES[one.way, one.state]]
    ]


def delivery_by_ref(ref: str) -> Delivery | None:
    """The delivery that a link names, with its letter."""
    with_all = Delivery.objects.select_related(
        "letter__office", "letter__case", "letter__submission__version", "letter__subject__person"
    )
    return with_all.filter(ref=ref).first()


def delivery_pdf(delivery: Delivery) -> bytes:
    """送达回证 as PDF; before the letter has arrived, the form that its receiver signs."""
    return render(proof_of_delivery(delivery, verify=verify_address(delivery.letter)))


def archive_of(case: Case) -> Archive | None:
    """The sealed archive of a finished case; None while it is being dealt with, and for some seconds after."""
    return Archive.objects.filter(case=case).first()
