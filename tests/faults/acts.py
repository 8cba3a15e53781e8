"""Run inside a house: an office writes letters and posts them, one after another, and says which are committed."""

import json
import sys
from datetime import timedelta
from typing import Any

from liangwang.base import audit
from liangwang.base.hats import post_hat
from liangwang.base.models import AuditEntry, Post
from liangwang.base.transactions import write
from liangwang.services import actions
from liangwang.services.actions.letters import write_letter
from liangwang.services.models import Letter, Submission
from liangwang.services.models_letters import Delivery
from tests.cases.factories import AT
from tests.services.handled import handled

MOST = 10_000


def prepare() -> dict[str, Any]:
    """An accepted case, and the post that handles it."""
    with write():
        scene = handled()
        actions.accept(actor=scene.approver, submission=scene.submission, at=AT)
    return {"submission": scene.submission.ref, "post": scene.approver.post_id}


def go_on(submission_ref: str, post_id: int) -> None:
    """A letter and its posting in one transaction, again and again; prints each number once it is committed."""
    post = Post.objects.select_related("party", "office__place").get(pk=post_id)
    with_all = Submission.objects.select_related("case", "applicant", "draft", "version")
    submission, actor = with_all.get(ref=submission_ref), post_hat(post)
    first = Letter.objects.filter(kind="special").count()
    for n in range(first, MOST):
        at = AT + timedelta(seconds=n)
        with write():
            letter = write_letter(submission, "special", at=at, office=post.office, node=str(n))
            actions.send_by_post(actor=actor, letter=letter, carrier="邮政", tracking=f"EX{n:06d}CN", at=at)
        sys.stdout.write(f"{letter.number}\n")
        sys.stdout.flush()


def outcome() -> dict[str, list[str]]:
    """What stands: the letters' numbers, those that were posted, and those whose posting is in the audit log."""
    bodies = (audit.body_of(entry) for entry in AuditEntry.objects.order_by("id"))
    acts = [body["body"] for body in bodies if body and "letter" in json.dumps(body)]
    posted = Delivery.objects.filter(way="post").select_related("letter").order_by("id")
    special = Letter.objects.filter(kind="special").order_by("id")
    return {
        "numbers": list(special.values_list("number", flat=True)),
        "posted": [one.letter.number for one in posted],
        "logged": [act["letter"] for act in acts if act.get("way") == "post"],
    }
