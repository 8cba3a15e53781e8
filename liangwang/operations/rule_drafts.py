"""Rules are changed as drafts: checked while they are typed, tried on history, published by a second person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from liangwang.base import access, audit, pack_versions
from liangwang.base.access import Thing
from liangwang.base.declare import Entry, Problem, read, schemas
from liangwang.base.errors import Conflict, NotFound, Refusal
from liangwang.base.export import dump
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Declaration, Party, Place
from liangwang.base.packs import Declared, declarations, declared
from liangwang.rules.declare import Area, Limit, SignalRule
from liangwang.rules.errors import RuleError
from liangwang.rules.language import Limit as LimitNode
from liangwang.rules.language import walk
from liangwang.rules.program import full_key, parents_first
from liangwang.rules.sets import All, Judged, judged

from .rule_models import RuleDraft

RULES: Final = "rules.yaml"
LIMITS: Final = "limits.yaml"
OPEN: Final = (RuleDraft.State.DRAFT, RuleDraft.State.REVIEW)
REMEDY: Final[Label] = {"zh": "按规则语言改写", "en": "write it in the rule language"}


class OwnRule(Refusal):
    """Four eyes: who wrote a draft does not publish it."""

    status, code = 403, "own_draft"
    template: ClassVar[Label] = {
        "zh": "这份草稿是您写的，须由另一位同事审核公布",
        "en": "You wrote this draft yourself: a colleague has to review and publish it",
    }


class CityOnly(Refusal):
    """A rule judges every thing of the city: only the city's level puts one in force."""

    status, code = 403, "city_only"
    template: ClassVar[Label] = {
        "zh": "规则管全市的设备，由市级值班长或数据工程师公布；区和街镇可以起草、试跑、送审",
        "en": "A rule holds in the whole city: the city's duty officer or data engineer publishes it;"
        " districts and streets may draft it, try it and send it for review",
    }


class NotTried(Refusal):
    """A rule goes live only after it was tried on history as it stands."""

    status, code = 409, "not_tried"
    template: ClassVar[Label] = {
        "zh": "请先在历史上试过现在这一稿，再送审",
        "en": "Try this very draft on history before it goes to review",
    }


class Wrong(Refusal):
    """A draft with mistakes cannot go on."""

    status, code = 422, "wrong_rule"
    template: ClassVar[Label] = {"zh": "还有 {n} 处要改", "en": "{n} to correct first"}


class NoReason(Refusal):
    """Turning a draft down without a word helps nobody."""

    status, code = 422, "no_reason"
    template: ClassVar[Label] = {"zh": "请写明为什么不公布", "en": "Say why it is not published"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft as it reads: its rule ready to judge, or the mistakes with line and remedy."""

    entry: Entry | None
    judged: Judged | None
    problems: tuple[Problem, ...]
    everything: All

    @property
    def rule(self) -> SignalRule | None:
        """The rule as declared, None where it cannot be read."""
        return self.entry.value if self.entry else None


# --- reading ---------------------------------------------------------------------------------------------


def one(ref: str) -> RuleDraft:
    """A draft by its ref; raises NotFound."""
    found = RuleDraft.objects.select_related("author", "decided_by").filter(ref=ref).first()
    if found is None:
        raise NotFound
    return found


def open_drafts() -> list[RuleDraft]:
    """Drafts that are being written or wait for review, newest first."""
    return list(RuleDraft.objects.select_related("author").filter(state__in=OPEN).order_by("-changed_at"))


def of_rule(pack: str, key: str) -> list[RuleDraft]:
    """Every draft of a rule, newest first."""
    rows = RuleDraft.objects.select_related("author", "decided_by").filter(pack=pack, key=key)
    return list(rows.order_by("-changed_at"))


def in_force(pack: str, key: str) -> Declared | None:
    """The rule in force, None for a new one; decision rules are not edited here."""
    found = [d for d in declarations(RULES) if (d.pack, d.key) == (pack, key)]
    return found[0] if found and isinstance(found[0].value, SignalRule) else None


def versions(pack: str, key: str) -> list[Declaration]:
    """Every published version of a rule, the newest first."""
    rows = Declaration.objects.filter(pack=pack, file=RULES, key=key).exclude(state=pack_versions.DRAFT)
    return list(rows.order_by("-version"))


def limits_of(checked: Judged) -> list[str]:
    """The limits that a rule's conditions name, in order of appearance."""
    nodes = [
        checked.program.when,
        checked.program.clear,
        *(c for _, c in checked.program.levels if c is not None),
    ]
    return list(
        dict.fromkeys(part.text for node in nodes for part in walk(node) if isinstance(part, LimitNode))
    )


def check(pack: str, key: str, text: str, limits: Mapping[str, float]) -> Checked:
    """Hold a typed rule to its schema and to the language; every mistake says its line and what to do."""
    found = read(text, f"{pack}.yaml", schemas()[RULES])
    problems = list(found.problems)
    entry = found.entries[0] if len(found.entries) == 1 else None
    if not problems and entry is None:
        problems.append(_problem(1, {"zh": "应当正好一条规则", "en": "there should be exactly one rule"}))
    if entry is not None and not isinstance(entry.value, SignalRule):
        problems.append(_problem(1, {"zh": "这里只改信号规则", "en": "only signal rules are edited here"}))
    if entry is not None and entry.key != key:
        problems.append(
            _problem(
                1,
                {"zh": f"rule 应为 {key}", "en": f"'rule' should be {key}"},
                {"zh": "改回原名", "en": "put it back"},
            )
        )
    everything = with_draft(pack, entry, limits)
    if problems or entry is None:
        return Checked(None, None, tuple(problems), everything)
    try:
        ready = judged(everything, pack, entry.value)
        _parents(everything, pack)
        return Checked(entry, ready, _references(pack, entry.value, found.document), everything)
    except RuleError as error:
        return Checked(entry, None, (_error(error, entry, found.document),), everything)


def _references(pack: str, rule: SignalRule, document: Any) -> tuple[Problem, ...]:
    plans = {one.key for one in declarations("plans.yaml") if one.pack in (pack, "vocabulary")}
    if rule.plan is None or rule.plan in plans or ":" in rule.plan:
        return ()
    message: Label = {"zh": f"没有叫“{rule.plan}”的预案", "en": f"no plan is called '{rule.plan}'"}
    remedy: Label = {
        "zh": f"可用：{'、'.join(sorted(plans))}",
        "en": f"there are: {', '.join(sorted(plans))}",
    }
    return (_problem(document.line((0, "plan")), message, remedy),)


def _parents(everything: All, pack: str) -> None:
    """Raise RuleError where `under` names no rule or goes round in a circle."""
    rules = [d.value for d in everything(RULES) if d.pack == pack and isinstance(d.value, SignalRule)]
    parents_first([judged(everything, pack, rule).program for rule in rules])


def _error(error: RuleError, entry: Entry, document: Any) -> Problem:
    """Return the problem of a condition, at the line of the condition that has the mistake."""
    line = next(
        (
            document.line((0, part))
            for part in ("when", "clear", "level", "under")
            if _has(entry, part, error)
        ),
        document.line((0, "when")),
    )
    return _problem(line, {"zh": error.message("zh"), "en": error.message("en")})


def _has(entry: Entry, part: str, error: RuleError) -> bool:
    """Tell whether a part of the rule holds the word that the mistake is about."""
    if error.code.startswith("under"):
        return part == "under"
    words = [str(value) for name, value in error.fields.items() if name in ("name", "text", "right")]
    text = str(entry.raw.get(part, ""))
    return bool(words) and any(word in text for word in words)


def _problem(line: int, message: Label, remedy: Label = REMEDY) -> Problem:
    return Problem(file="", line=line, key="", message=message, remedy=remedy, rule="rule")


def with_draft(pack: str, entry: Entry | None, limits: Mapping[str, float]) -> All:
    """Return everything declared, with a draft's rule and numbers in place of those in force."""

    def everything(file: str) -> Iterable[Declared]:
        rows = declarations(file)
        if file == LIMITS:
            return [_limited(d, limits) if d.pack == pack else d for d in rows]
        if file == RULES and entry is not None:
            others = [d for d in rows if (d.pack, d.key) != (pack, entry.key)]
            mine = Declared(pack, entry.key, entry.value, "", entry.raw, "desk", entry.line, entry.path)
            return [*others, mine]
        return rows

    return everything


def _limited(one: Declared, limits: Mapping[str, float]) -> Declared:
    if one.key not in limits or isinstance(one.value, Area):
        return one
    raw = {**one.raw, "value": limits[one.key]}
    value: Limit = one.value
    changed = Limit(
        limit=value.limit, label=value.label, value=float(limits[one.key]), unit=value.unit, since=value.since,
        basis=value.basis, source=value.source, unverified=value.unverified,
    )  # fmt: skip
    return one._replace(value=changed, raw=raw)


def ruleset_of(everything: All, pack: str, key: str) -> tuple[Judged, ...]:
    """Return a rule with those that it stands under, ready to judge."""
    by_key = {
        f"{pack}:{d.key}": judged(everything, pack, d.value)
        for d in everything(RULES)
        if d.pack == pack and isinstance(d.value, SignalRule)
    }
    chain = [by_key[f"{pack}:{key}"]]
    while (under := chain[-1].program.under) is not None:
        chain.append(by_key[full_key(under, chain[-1].program.key)])
    return tuple(chain)


# --- writing ---------------------------------------------------------------------------------------------


def begin(pack: str, key: str, actor: Actor, at: datetime) -> RuleDraft:
    """A new draft of the rule in force, or the author's own open one. Inside a transaction; raises NotFound."""
    held = in_force(pack, key)
    if held is None:
        raise NotFound
    mine = RuleDraft.objects.filter(
        pack=pack, key=key, state=RuleDraft.State.DRAFT, author_id=actor.party_id
    ).first()
    return mine or _draft(pack, key, dump(held.raw), held.version_hash, actor, at)


def roll_back(pack: str, key: str, version: int, actor: Actor, at: datetime) -> RuleDraft:
    """A draft that says again what an older version said; it is tried and reviewed like any other."""
    row = Declaration.objects.filter(pack=pack, file=RULES, key=key, version=version).first()
    held = in_force(pack, key)
    if row is None or held is None:
        raise NotFound
    draft = _draft(pack, key, dump(row.body), held.version_hash, actor, at)
    draft.note = f"回到第 {version} 版"
    draft.save(update_fields=["note"])
    return draft


def _draft(pack: str, key: str, text: str, based_on: str, actor: Actor, at: datetime) -> RuleDraft:
    author = Party.objects.get(pk=actor.party_id or 0)
    return RuleDraft.objects.create(
        pack=pack, key=key, text=text, based_on=based_on, author=author, created_at=at, changed_at=at
    )


def save(
    draft: RuleDraft, *, text: str, limits: Mapping[str, float], note: str, actor: Actor, at: datetime
) -> None:
    """Keep what was typed, right or wrong; only the author writes, and a draft in review goes back to writing."""
    _own(draft, actor)
    if (draft.text, draft.limits) != (text, dict(limits)):
        draft.changed_at = at
    draft.text, draft.limits, draft.note = text, dict(limits), note[:300]
    draft.state = RuleDraft.State.DRAFT
    draft.save()


def ask_review(draft: RuleDraft, actor: Actor, at: datetime) -> None:
    """Send a draft to a colleague; raises Wrong with mistakes, NotTried where this text was not tried."""
    _own(draft, actor)
    checked = check(draft.pack, draft.key, draft.text, draft.limits)
    if checked.problems:
        raise Wrong(n=len(checked.problems))
    if not draft.trials.filter(state="done", asked_at__gte=draft.changed_at).exists():
        raise NotTried
    draft.state = RuleDraft.State.REVIEW
    draft.save(update_fields=["state"])
    _written(draft, actor, at, "rule.review")


def withdraw(draft: RuleDraft, actor: Actor, at: datetime) -> None:
    """The author gives a draft up; it stays to be read."""
    _own(draft, actor)
    draft.state, draft.decided_at = RuleDraft.State.WITHDRAWN, at
    draft.save(update_fields=["state", "decided_at"])


def publish(draft: RuleDraft, actor: Actor, at: datetime) -> None:
    """Put a draft in force, its numbers with it. Inside a transaction; raises CityOnly, OwnRule, Conflict, Wrong."""
    draft = _decidable(draft, actor)
    checked = check(draft.pack, draft.key, draft.text, draft.limits)
    if checked.problems or checked.entry is None:
        raise Wrong(n=len(checked.problems))
    held = in_force(draft.pack, draft.key)
    if held is not None and held.version_hash != draft.based_on:
        raise Conflict(what=f"{draft.pack}:{draft.key}")
    for name, value in draft.limits.items():
        limit = declared(LIMITS, name, within=draft.pack)
        if limit.value.value != value:
            raw = {**limit.raw, "value": value, "since": at.date().isoformat()}
            pack_versions.publish(pack_versions.edit(draft.pack, LIMITS, limit.key, raw, at), at)
    row = pack_versions.edit(draft.pack, RULES, draft.key, checked.entry.raw, at)
    pack_versions.publish(row, at)
    draft.version = row.version
    _decide(draft, RuleDraft.State.PUBLISHED, actor, at)


def turn_down(draft: RuleDraft, actor: Actor, reason: str, at: datetime) -> None:
    """Send a draft back for good, with the reason. Inside a transaction; raises CityOnly, OwnRule, NoReason."""
    draft = _decidable(draft, actor)
    if not reason.strip():
        raise NoReason
    draft.reason = reason.strip()[:300]
    _decide(draft, RuleDraft.State.TURNED_DOWN, actor, at)


def may_publish(actor: Actor) -> bool:
    """Whether the actor's level puts rules in force: the policy's `decide` over the whole city."""
    return access.may(actor, "decide", _thing()).allowed


def _thing(ref: str = "") -> Thing:
    city = Place.objects.filter(level="city", ended_at=None).values_list("code", flat=True).first()
    return Thing(kind="rule", ref=ref, place_code=city or "")


def _own(draft: RuleDraft, actor: Actor) -> None:
    if draft.author_id != actor.party_id or draft.state not in OPEN:
        raise Conflict(what=f"{draft.pack}:{draft.key}")


def _decidable(draft: RuleDraft, actor: Actor) -> RuleDraft:
    """The draft anew and locked, where it waits for this person's decision."""
    if not may_publish(actor):
        raise CityOnly
    draft = RuleDraft.objects.select_for_update().get(pk=draft.pk)
    if draft.author_id == actor.party_id:
        raise OwnRule
    if draft.state != RuleDraft.State.REVIEW:
        raise Conflict(what=f"{draft.pack}:{draft.key}")
    return draft


def _decide(draft: RuleDraft, state: str, actor: Actor, at: datetime) -> None:
    draft.state, draft.decided_by_id, draft.decided_at = state, actor.party_id, at
    draft.save()
    _written(draft, actor, at, f"rule.{state}")


def _written(draft: RuleDraft, actor: Actor, at: datetime, act: str) -> None:
    body: dict[str, Any] = {"draft": draft.ref, "rule": f"{draft.pack}:{draft.key}", "version": draft.version}
    audit.record(actor, "configure", _thing(draft.ref), at=at, body={"act": act, **body})
