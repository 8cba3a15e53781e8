"""What may be asked about items, drafts, applications and certificates; nothing here writes."""

from ..address import choices as address_choices
from ..address import one_line as address_line
from ..address import parts_of as address_parts
from ..models import Authorisation, Certificate, Draft, Letter, Submission
from ..signing import read as read_signature
from ..signing import signed_words
from ..versions import history, withdrawn
from .after import after_facts, cases_about, certificate_values, label_of
from .applications import (
    applications_of,
    authorisation_by_ref,
    case_of_number,
    certificate_by_ref,
    certificates_of,
    home,
    receipt,
    submission_by_number,
    submission_by_ref,
    submission_of_case,
    track,
)
from .catalogue import bundles_with, by_office, by_theme, catalogue, item_page, popular, related, search
from .deliveries import address_of, letter_row, letters_to_deliver, letters_waiting, undelivered
from .draft_check import authorisation_page, check_answers
from .drafts import (
    draft_by_ref,
    draft_by_ref_of,
    drafts_of,
    form_pages,
    is_outdated,
    material_page,
    next_page,
)
from .letters import (
    archive_of,
    delivery_by_ref,
    delivery_pdf,
    delivery_rows,
    letter_by_ref,
    letter_page,
    letter_pdf,
    letters_of,
)
from .reform import reform_catalogue, reform_levers, reform_situations, reform_study, reform_total
from .together import link_page, name_of, open_read_links, part_page, part_rows, reader_rows, seen_by
from .uploads import page_of_case, page_of_draft, pages_of_submission, signature_of_case
from .verification import (
    certificate_qr,
    shown_qr,
    state_of,
    verification_keys,
    verify_certificate,
    verify_file,
)
from .work import decision_facts, submitted_facts, waiting_for_acceptance

__all__ = [
    "Authorisation",
    "Certificate",
    "Draft",
    "Letter",
    "Submission",
    "address_choices",
    "address_line",
    "address_of",
    "address_parts",
    "after_facts",
    "applications_of",
    "archive_of",
    "authorisation_by_ref",
    "authorisation_page",
    "bundles_with",
    "by_office",
    "by_theme",
    "case_of_number",
    "cases_about",
    "catalogue",
    "certificate_by_ref",
    "certificate_qr",
    "certificate_values",
    "certificates_of",
    "check_answers",
    "decision_facts",
    "delivery_by_ref",
    "delivery_pdf",
    "delivery_rows",
    "draft_by_ref",
    "draft_by_ref_of",
    "drafts_of",
    "form_pages",
    "history",
    "home",
    "is_outdated",
    "item_page",
    "label_of",
    "letter_by_ref",
    "letter_page",
    "letter_pdf",
    "letter_row",
    "letters_of",
    "letters_to_deliver",
    "letters_waiting",
    "link_page",
    "material_page",
    "name_of",
    "next_page",
    "open_read_links",
    "page_of_case",
    "page_of_draft",
    "pages_of_submission",
    "part_page",
    "part_rows",
    "popular",
    "read_signature",
    "reader_rows",
    "receipt",
    "reform_catalogue",
    "reform_levers",
    "reform_situations",
    "reform_study",
    "reform_total",
    "related",
    "search",
    "seen_by",
    "shown_qr",
    "signature_of_case",
    "signed_words",
    "state_of",
    "submission_by_number",
    "submission_by_ref",
    "submission_of_case",
    "submitted_facts",
    "track",
    "undelivered",
    "verification_keys",
    "verify_certificate",
    "verify_file",
    "waiting_for_acceptance",
    "withdrawn",
]
