"""The steps of a draft in order: situation, one page per person, consents, materials, check; and which is next."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

SIGNING = "page:sign"  # last but one: what is signed has to be there first


@dataclass(frozen=True)
class Step:
    """One step; `state` is done, now (can be filled) or later (depends on earlier answers)."""

    key: str
    title: Any
    url: str
    state: str
    note: Any
    icon: str


def title_of(key: str) -> str:
    """The title of a step that is called the same in every draft."""
    return {
        "situation": _("您的情形"),
        "consents": _("授权"),
        "materials": _("材料"),
        "people": _("一起填的人"),
        "check": _("核对并提交"),
    }[key]


def progress_of(steps: list[Step], promised_days: int) -> dict[str, Any]:
    """How far a draft has come, as it is kept for lists; a page of the form brings its own title."""
    ahead = first_open(steps)
    return {
        "done": sum(step.state == "done" for step in steps),
        "all": len(steps),
        "step": ahead.key,
        "title": ahead.title if isinstance(ahead.title, dict) else "",
        "url": ahead.url,
        "promised_days": promised_days,
    }


def steps_of(whole: dict[str, Any]) -> list[Step]:
    """The steps of the answer of services.queries.form_pages."""
    root = f"/drafts/{whole['draft'].ref}/"
    unanswered = [entry["question"].question for entry in whole["questions"] if not entry["answer"]]
    steps = _situation(whole["questions"], unanswered, root)
    pages = [_page(page, root, later=bool(unanswered)) for page in whole["pages"]]
    signing = [step for step in pages if step.key == SIGNING]
    steps += [step for step in pages if step.key != SIGNING]
    for key, title, left, note, drawing in (_consents(whole), _materials(whole)):
        if whole["consents" if key == "consents" else "materials"] or (
            key == "materials" and whole["not_asked"]
        ):
            state = "later" if unanswered else "now" if left else "done"
            steps.append(Step(key, title, f"{root}{key}/", state, note, drawing))
    if any(step.state != "done" for step in steps):  # what is signed has to be there, or it is signed twice
        signing = [replace(step, state="later") for step in signing if step.state != "done"] or signing
    if whole.get("parts"):
        steps.append(_people(whole["parts"], root, later=bool(unanswered)))
    steps += signing
    ready = all(step.state == "done" for step in steps)
    note = _("都齐了，可以提交") if ready else _("前面填好就能提交")
    return [
        *steps,
        Step("check", title_of("check"), f"{root}check/", "now" if ready else "later", note, "send"),
    ]


def _situation(questions: list[dict[str, Any]], unanswered: list[str], root: str) -> list[Step]:
    if not questions:
        return []
    first = unanswered[0] if unanswered else questions[0]["question"].question
    note = _("还有 %(n)s 个问题") % {"n": len(unanswered)} if unanswered else _("已选好")
    return [
        Step(
            "situation",
            title_of("situation"),
            f"{root}ask/{first}/",
            "now" if unanswered else "done",
            note,
            "split",
        )
    ]


def _page(page: Any, root: str, *, later: bool) -> Step:
    if page.get("sight", "edit") != "edit":
        state = "done" if page["done"] else "later"
        address = f"{root}page/{page['key']}/"
        return Step(f"page:{page['key']}", page["title"], address, state, _("由对方自己填"), "user-round")
    if not page["fields"]:
        note = _("%(n)s 项全部由数据代填") % {"n": len(page["known"])}
    elif page["done"]:
        note = _("已填 %(n)s 项") % {"n": len(page["fields"])}
    else:
        note = _("要您填 %(n)s 项") % {
            "n": sum(not field["value"] for field in page["fields"]) or len(page["fields"])
        }
    state = "later" if later else "done" if page["done"] else "now"
    if page["key"] == "sign":
        note = _("已签") if page["done"] else _("都填好再签")
        return Step(SIGNING, page["title"], f"{root}sign/", state, note, "signature")
    return Step(f"page:{page['key']}", page["title"], f"{root}page/{page['key']}/", state, note, "user-round")


def _people(parts: list[dict[str, Any]], root: str, *, later: bool) -> Step:
    """Others who fill in their own parts; one's own part leads to its page."""
    left = sum(one["state"] != "confirmed" for one in parts)
    mine = next((one for one in parts if one["mine"]), None)
    address = f"{root}part/{mine['role']}/" if mine else f"{root}people/"
    note = _("还差 %(n)s 人确认") % {"n": left} if left else _("都确认了")
    return Step(
        "people", title_of("people"), address, "later" if later else "now" if left else "done", note, "users"
    )


def _consents(whole: dict[str, Any]) -> tuple[str, str, int, str, str]:
    left = sum(one["state"] != "given" and not one["mine"] for one in whole["consents"])
    return (
        "consents",
        title_of("consents"),
        left,
        _("还要 %(n)s 人同意") % {"n": left} if left else _("都好了"),
        "users",
    )


def _materials(whole: dict[str, Any]) -> tuple[str, str, int, str, str]:
    left = sum(
        one["need"].required and not one["file"] and not one["committed"] for one in whole["materials"]
    )
    return (
        "materials",
        title_of("materials"),
        left,
        _("还差 %(n)s 份") % {"n": left} if left else _("选交") if _offered(whole) else _("不用再交"),
        "file-text",
    )


def _offered(whole: dict[str, Any]) -> bool:
    """Whether something may still be handed in that nobody has to."""
    return any(not one["need"].required and not one["file"] for one in whole["materials"])


def after(steps: list[Step], key: str) -> Step:
    """The step that follows `key`; the last follows itself."""
    place = next((i for i, step in enumerate(steps) if step.key == key), -1)
    return steps[min(place + 1, len(steps) - 1)]


def first_open(steps: list[Step]) -> Step:
    """Where to go on: the first step that is not done."""
    return next((step for step in steps if step.state == "now"), steps[-1])
