"""What may be done with a case: a verb a file, re-exported here; all keyword-only, inside the caller's transaction."""

from .accept import accept_case, confirm_case, refuse_case, supplement, supply, withdraw_case
from .clocks import extend_case, resume_clock, stop_clock
from .close import close_case, rate_case
from .decline import (
    DECLINE_REASONS,
    DEFERRALS,
    approve_deferral,
    change_level,
    decline_task,
    defer_task,
    escalate_task,
    reply_supervision,
    supervise_task,
    wake_task,
)
from .handle import (
    PROOF_LABELS,
    Shown,
    accept_task,
    add_proof,
    arrive_task,
    assign_task,
    complete_task,
    report_task,
)
from .holds import hold, release
from .joint import arrive_assisting, ask_assistance, end_assisting, note_case, say
from .lacking import Missing, accept_lacking, supply_lacking
from .lead import hand_on, rule_task
from .lend import lend_desk, take_back_desk
from .merge import merge_case, reopen_case, unmerge_case
from .open import open_case
from .pass_on import pass_on
from .put_back import put_back_task
from .send_back import send_back
from .sign import ask_signature, sign_task
from .take_over import take_over_task
from .verify import verify_task

__all__ = [
    "DECLINE_REASONS",
    "DEFERRALS",
    "PROOF_LABELS",
    "Missing",
    "Shown",
    "accept_case",
    "accept_lacking",
    "accept_task",
    "add_proof",
    "approve_deferral",
    "arrive_assisting",
    "arrive_task",
    "ask_assistance",
    "ask_signature",
    "assign_task",
    "change_level",
    "close_case",
    "complete_task",
    "confirm_case",
    "decline_task",
    "defer_task",
    "end_assisting",
    "escalate_task",
    "extend_case",
    "hand_on",
    "hold",
    "lend_desk",
    "merge_case",
    "note_case",
    "open_case",
    "pass_on",
    "put_back_task",
    "rate_case",
    "refuse_case",
    "release",
    "reopen_case",
    "reply_supervision",
    "report_task",
    "resume_clock",
    "rule_task",
    "say",
    "send_back",
    "sign_task",
    "stop_clock",
    "supervise_task",
    "supplement",
    "supply",
    "supply_lacking",
    "take_back_desk",
    "take_over_task",
    "unmerge_case",
    "verify_task",
    "wake_task",
    "withdraw_case",
]
