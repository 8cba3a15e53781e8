"""What may be done with an application: a verb a function, all keyword-only, inside the caller's transaction."""

from .authorise import authorise, invite
from .certify import enter_certificate, issue_certificate, revoke_certificate
from .decide import accept, ask_supplement, decide, not_accept, rate, send_back, supply, withdraw
from .draft import (
    abandon_draft,
    answer_questions,
    commit_material,
    start_draft,
)
from .draft_answers import Saved, add_row, agree, answer_page, dispute, remove_row, save_answer, sign
from .draft_versions import follow_item
from .materials import add_page, move_page, remove_material, remove_page, turn_page, upload_material
from .submit import submit
from .suspend import resume_certificate, revoke_by_office, suspend_certificate

__all__ = [
    "Saved",
    "abandon_draft",
    "accept",
    "add_page",
    "add_row",
    "agree",
    "answer_page",
    "answer_questions",
    "ask_supplement",
    "authorise",
    "commit_material",
    "decide",
    "dispute",
    "enter_certificate",
    "follow_item",
    "invite",
    "issue_certificate",
    "move_page",
    "not_accept",
    "rate",
    "remove_material",
    "remove_page",
    "remove_row",
    "resume_certificate",
    "revoke_by_office",
    "revoke_certificate",
    "save_answer",
    "send_back",
    "sign",
    "start_draft",
    "submit",
    "supply",
    "suspend_certificate",
    "turn_page",
    "upload_material",
    "withdraw",
]
