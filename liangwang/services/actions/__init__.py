"""What may be done with an application: a verb a function, all keyword-only, inside the caller's transaction."""

from .authorise import authorise, invite
from .certify import enter_certificate, issue_certificate, revoke_certificate
from .decide import accept, ask_supplement, decide, not_accept, rate, send_back, supply, withdraw
from .draft import (
    abandon_draft,
    answer_page,
    answer_questions,
    commit_material,
    remove_material,
    start_draft,
    upload_material,
)
from .submit import submit

__all__ = [
    "abandon_draft",
    "accept",
    "answer_page",
    "answer_questions",
    "ask_supplement",
    "authorise",
    "commit_material",
    "decide",
    "enter_certificate",
    "invite",
    "issue_certificate",
    "not_accept",
    "rate",
    "remove_material",
    "revoke_certificate",
    "send_back",
    "start_draft",
    "submit",
    "supply",
    "upload_material",
    "withdraw",
]
