"""What may be asked about items, drafts, applications and certificates; nothing here writes."""

from ..models import Authorisation, Certificate, Draft, Letter, Submission
from .applications import (
    applications_of,
    authorisation_by_ref,
    case_of_number,
    certificate_by_ref,
    certificates_of,
    home,
    letter_by_ref,
    letter_page,
    receipt,
    submission_by_number,
    submission_by_ref,
    submission_of_case,
    track,
)
from .catalogue import catalogue, item_page, search, themes
from .drafts import (
    authorisation_page,
    check_answers,
    draft_by_ref,
    draft_by_ref_of,
    drafts_of,
    form_pages,
    material_page,
    next_page,
)
from .verification import certificate_qr, verification_keys, verify_certificate
from .work import decision_facts, waiting_for_acceptance

__all__ = [
    "Authorisation",
    "Certificate",
    "Draft",
    "Letter",
    "Submission",
    "applications_of",
    "authorisation_by_ref",
    "authorisation_page",
    "case_of_number",
    "catalogue",
    "certificate_by_ref",
    "certificate_qr",
    "certificates_of",
    "check_answers",
    "decision_facts",
    "draft_by_ref",
    "draft_by_ref_of",
    "drafts_of",
    "form_pages",
    "home",
    "item_page",
    "letter_by_ref",
    "letter_page",
    "material_page",
    "next_page",
    "receipt",
    "search",
    "submission_by_number",
    "submission_by_ref",
    "submission_of_case",
    "themes",
    "track",
    "verification_keys",
    "verify_certificate",
    "waiting_for_acceptance",
]
