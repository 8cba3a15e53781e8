"""What may be done with an application: a verb a function, all keyword-only, inside the caller's transaction."""

from .afterwards import (
    ask_cancellation,
    ask_change,
    ask_reissue,
    ask_renewal,
    be_heard,
    decide_afterwards,
    open_after_check,
    open_revocation,
)
from .authorise import authorise, invite
from .certify import enter_certificate, issue_certificate, revoke_certificate
from .clocks import end_special, extend, start_special
from .decide import accept, ask_supplement, decide, not_accept, rate, send_back, supply, withdraw
from .deliver import (
    collect_from_cabinet,
    hand_over,
    letter_opened,
    post_delivered,
    put_in_cabinet,
    returned,
    send_by_post,
)
from .draft import (
    abandon_draft,
    answer_questions,
    commit_material,
    note_progress,
    start_draft,
)
from .draft_answers import Saved, add_row, agree, answer_page, dispute, remove_row, save_answer, sign
from .draft_versions import follow_item
from .joint import accept_lacking, ask_signature, cosign, lackable, pass_on, supply_lacking
from .mandate import give_mandate, revoke_mandate
from .materials import add_page, move_page, remove_material, remove_page, turn_page, upload_material
from .submit import submit
from .suspend import resume_certificate, suspend_certificate
from .together import (
    accept_part,
    confirm_part,
    invite_link,
    invite_part,
    join,
    link_of,
    show_to,
    stop_showing,
    withdraw_part,
)

__all__ = [
    "Saved",
    "abandon_draft",
    "accept",
    "accept_lacking",
    "accept_part",
    "add_page",
    "add_row",
    "agree",
    "answer_page",
    "answer_questions",
    "ask_cancellation",
    "ask_change",
    "ask_reissue",
    "ask_renewal",
    "ask_signature",
    "ask_supplement",
    "authorise",
    "be_heard",
    "collect_from_cabinet",
    "commit_material",
    "confirm_part",
    "cosign",
    "decide",
    "decide_afterwards",
    "dispute",
    "end_special",
    "enter_certificate",
    "extend",
    "follow_item",
    "give_mandate",
    "hand_over",
    "invite",
    "invite_link",
    "invite_part",
    "issue_certificate",
    "join",
    "lackable",
    "letter_opened",
    "link_of",
    "move_page",
    "not_accept",
    "note_progress",
    "open_after_check",
    "open_revocation",
    "pass_on",
    "post_delivered",
    "put_in_cabinet",
    "rate",
    "remove_material",
    "remove_page",
    "remove_row",
    "resume_certificate",
    "returned",
    "revoke_certificate",
    "revoke_mandate",
    "save_answer",
    "send_back",
    "send_by_post",
    "show_to",
    "sign",
    "start_draft",
    "start_special",
    "stop_showing",
    "submit",
    "supply",
    "supply_lacking",
    "suspend_certificate",
    "turn_page",
    "upload_material",
    "withdraw",
    "withdraw_part",
]
