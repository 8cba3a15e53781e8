"""办不成?: whoever is stuck gets a named helper nearby, who sees the page and the answers so far and must reply."""

from datetime import datetime
from typing import Any, ClassVar

from liangwang.base import notices
from liangwang.base.access import require, thing_of
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office, Person, Place, Post, Subject
from liangwang.base.subjects import masked
from liangwang.cases import actions as cases
from liangwang.cases.access import task_kind
from liangwang.cases.plans import store_plan
from liangwang.cases.queries import Case, Task

from . import sealed
from .models import Draft
from .queries.draft_check import check_answers

PACK = "services"
PLAN_KEY = "services:help"
WORDS_MAX = 500
ANSWER_WITHIN = 2
ROLES = ("counter", "committee")
BELONGS = {"drafts": "ref", "cases": "submission__case__ref", "letters": "submission__letters__ref"}
# The limit of two working days is the demo's own promise; no text that sets one was read, hence unverified.
BASIS: dict[str, Any] = {
    "basis": {"zh": "政务服务“办不成事”反映窗口", "en": "window for what could not be done"},
    "unverified": True,
}
OUTCOMES: dict[str, Label] = {
    "done": {"zh": "帮着办成了", "en": "done with help"},
    "explained": {"zh": "说清了怎么办", "en": "explained what to do"},
    "passed_on": {"zh": "转给承办单位解决", "en": "passed on to the office"},
    "not_possible": {"zh": "依法办不了，说明了理由", "en": "not possible by law, with the reason"},
}


def _plan(role: str) -> dict[str, Any]:
    """One step, for the helper's own role, with the clock of the promise."""
    return {
        "key": PLAN_KEY,
        "kind": "application",
        "label": {"zh": "办不成？帮办", "en": "Cannot get it done: help"},
        "legal_days": None,
        "promised_days": ANSWER_WITHIN,
        "nodes": [
            {
                "key": "help",
                "label": {"zh": "联系本人，帮到办成为止", "en": "Get in touch, help until it is done"},
                "by": {"role": role},
                "within": {"working_days": ANSWER_WITHIN},
                "gives": ["answer"],
            }
        ],
    }


class NobodyHelps(Refusal):
    status, code = 409, "nobody_helps"
    template: ClassVar[Label] = {
        "zh": "这里还没有帮办人员，请到就近的社区事务受理服务中心，带不带材料都可以先问",
        "en": "There is no helper here yet: ask at the nearest service centre, with or without papers",
    }


class AnswerNeeded(Refusal):
    status, code = 422, "answer_needed"
    template: ClassVar[Label] = {"zh": "请写给本人的答复", "en": "Write the answer to the person"}


def helpers(place_code: str, limit: int = 3) -> list[Post]:
    """Who helps around a place: its own street's counter first, then the district's others, then committees."""
    district = place_code[:6]
    posts = Post.objects.filter(role__in=ROLES, ended_at=None, office__ended_at=None)
    near = list(
        posts.filter(office__place__code__startswith=district).select_related("office__place", "party")[:200]
    )
    rows = near or list(posts.select_related("office__place", "party")[:200])
    by_nearness = sorted(
        rows,
        key=lambda post: (post.role != "counter", -_shared(place_code, post.office.place.code), post.pk),
    )
    return by_nearness[:limit]


def _shared(one: str, other: str) -> int:
    """How many leading digits two division codes share."""
    n = min(len(one), len(other))
    return next((i for i in range(n) if one[i] != other[i]), n)


def ask(*, actor: Actor, came_from: str, words: str, helper: str, at: datetime) -> Case:
    """Opens the helper's case of this person and page, or returns the one that is open; her draft goes along by name.

    `helper` is a post of `helpers`, else the first of them. Raises NobodyHelps.
    """
    subject = Subject.objects.filter(pk=actor.for_subject_id or 0).first()
    if subject is None:
        raise NobodyHelps
    home = _home(subject)
    around = helpers(home.code if home else "")
    post = next((one for one in around if one.ref == helper), around[0] if around else None)
    if post is None:
        raise NobodyHelps
    page = _plain(came_from)
    case = cases.open_case(
        actor=actor,
        at=at,
        plan=store_plan(_plan(post.role), at=at),
        title={"zh": "办不成？请求帮办", "en": "Cannot get it done: asks for help"},
        source="person",
        pack=PACK,
        kind="application",
        place=home or post.office.place,
        subject=subject,
        key=f"help/{subject.ref}/{page}/{at:%Y%m%d}",
        facts={
            "page": page,
            "draft": _draft_of(page, subject),
            "said": _sealed_words(words, subject),
            **BASIS,
        },
        lead_office=post.office,
        purpose="help",
    )
    if case.state == Case.State.OPEN:
        case = cases.accept_case(actor=actor, at=at, case=case)
        _tell_helper(case, post, at)
    return case


def _home(subject: Subject) -> Place | None:
    person = Person.objects.filter(pk=subject.pk).select_related("home").first()
    return person.home if person else None


def _draft_of(page: str, subject: Subject) -> str:
    """The ref of the draft that the page belongs to, where it is the person's own; "" elsewhere.

    A case, its letters and its receipt belong to the draft that was handed in.
    """
    parts = page.strip("/").split("/")
    if len(parts) < 2 or parts[0] not in BELONGS:
        return ""
    own = Draft.objects.filter(**{BELONGS[parts[0]]: parts[1]}, applicant=subject).first()
    return own.ref if own else ""


def _plain(address: str) -> str:
    """The page alone: what was searched for and the secret of a link stay out of the case."""
    path = address.partition("?")[0][:200]
    return "/join/" if path.startswith("/join/") else path


def _sealed_words(words: str, subject: Subject) -> Any:
    """What she wrote: it may hold anything, so it is kept like an address."""
    return sealed.close("help.address", words.strip()[:WORDS_MAX], subject.ref)


def is_help(case: Case) -> bool:
    """Whether a case is one of helping."""
    return case.pack == PACK and "page" in case.facts and (case.key or "").startswith("help/")


def shown(case: Case, at: datetime) -> dict[str, Any]:
    """What the helper sees: {page, said, draft, label, parts: [{title, rows: [{label, value}]}], missing: [Label], outcomes}.

    Personal numbers are masked; the draft is read as it is now, so that the helper sees what she has done since.
    """
    assert case.subject is not None
    found: dict[str, Any] = {
        "page": case.facts["page"],
        "said": sealed.read("help.address", case.facts["said"], case.subject.ref),
        "draft": None,
        "parts": [],
        "missing": [],
        "outcomes": list(OUTCOMES.items()),
    }
    draft = (
        Draft.objects.select_related("version", "applicant", "place")
        .filter(ref=case.facts["draft"] or "-")
        .first()
    )
    if draft is None:
        return found
    seen = check_answers(draft, at)
    parts = [
        {
            "title": part["title"],
            "rows": [
                {"label": row["label"], "value": sealed.masked(row["id"], row["shown"])}
                for row in part["rows"]
            ],
        }
        for part in seen["sections"]
    ]
    return {**found, "draft": draft, "label": seen["label"], "parts": parts, "missing": seen["missing"]}


def answer(*, actor: Actor, task: Task, outcome: str, text: str, at: datetime) -> Case:
    """The helper's reply: it ends the case, and the person gets it; raises AnswerNeeded without words."""
    require(actor, "handle", thing_of(task_kind(task.case), task))
    said = text.strip()[:2000]
    if not said or outcome not in OUTCOMES:
        raise AnswerNeeded
    cases.complete_task(actor=actor, at=at, task=task, result={"answer": said, "outcome": outcome})
    case = Case.objects.select_related("subject", "lead_office").get(pk=task.case_id)
    assert case.subject is not None
    notices.notify(
        to=case.subject,
        template="help.answered",
        title={"zh": "帮办人员答复您了", "en": "The helper has answered"},
        body={"zh": said, "en": said},
        at=at,
        key=f"help/{case.ref}/answered",
        link=f"/help/{case.ref}/",
    )
    return case


def followed(case: Case) -> dict[str, Any]:
    """What the person sees of her own: {page, said, number, office, phone, due_at, answer, outcome: Label | None}."""
    task = case.tasks.order_by("id").first()
    assert case.subject is not None
    office: Office | None = case.lead_office
    result = task.result if task else {}
    return {
        "page": case.facts["page"],
        "said": sealed.read("help.address", case.facts["said"], case.subject.ref),
        "number": case.number,
        "office": office.name if office else None,
        "phone": office.phone if office else "",
        "due_at": task.due_at if task else None,
        "answer": result.get("answer", ""),
        "outcome": OUTCOMES.get(result.get("outcome", "")),
    }


def _tell_helper(case: Case, post: Post, at: datetime) -> None:
    person = Person.objects.filter(pk=case.subject_id).first()
    name = masked(person.name) if person else ""
    notices.notify(
        to=post.office,
        template="help.asked",
        title={"zh": f"{name}办不成事，请求帮办", "en": f"{name} is stuck and asks for help"},
        body={
            "zh": f"办件 {case.number}，{ANSWER_WITHIN} 个工作日内答复本人。",
            "en": f"Case {case.number}: answer within {ANSWER_WITHIN} working days.",
        },
        at=at,
        key=f"help/{case.ref}/asked",
        link=f"/staff/applications/{case.ref}/",
    )
