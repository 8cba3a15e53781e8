"""What became of every material, field, step and trip of a bundle, and why: the lines under the figures of a report."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from liangwang.base.labels import Label

from .compiled import Ask, Compiled, Need, Node, Source
from .merge import Answers
from .plan import critical_path, longest_chain
from .supply import identities
from .vocabulary import Words

Became = Literal[
    "ask",
    "kept",
    "merged",
    "form",
    "certificate",
    "attribute",
    "output",
    "earlier",
    "commitment",
    "known",
    "parallel",
]
NAMES: dict[str, Label] = {
    "ask": {"zh": "仍要", "en": "still asked"},
    "kept": {"zh": "保留", "en": "stays"},
    "merged": {"zh": "合并", "en": "merged"},
    "form": {"zh": "自动生成", "en": "made from the form"},
    "certificate": {"zh": "调用电子证照", "en": "from the library"},
    "attribute": {"zh": "数据核验", "en": "checked by data"},
    "output": {"zh": "内部流转", "en": "handed on inside"},
    "earlier": {"zh": "用以前交的", "en": "from an earlier case"},
    "commitment": {"zh": "告知承诺", "en": "by commitment"},
    "known": {"zh": "自动填入", "en": "filled in"},
    "parallel": {"zh": "并联", "en": "in parallel"},
}


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """One published part of one item: what became of it in the bundle, and why.

    `left` holds for exactly the parts that the side "after" counts. `days` is the first and last working day of
    a step; `proof` marks a material that is a proof.
    """

    item: Label
    what: Label
    became: Became
    why: Label
    proof: bool = False
    days: tuple[int, int] | None = None
    critical: bool = False

    @property
    def left(self) -> bool:
        """True for what compiling did not do away with."""
        return self.became in ("ask", "kept")


def materials(compiled: Compiled, answers: Answers, words: Words) -> tuple[Fate, ...]:
    """Every published material, item after item; what several items ask is asked for by the first of them."""
    needs = {need.id: need for need in compiled.needs}
    first: dict[str, Label] = {}
    found = []
    for source in compiled.items:
        for kind, role, _, _ in _published(source, answers):
            need = needs[f"{role}.{kind}"]
            again = need.id in first and need.supply.way == "ask"
            found.append(
                Fate(
                    item=source.item.label,
                    what=_of(need.label, need.role_label),
                    became="merged" if again else need.supply.way,
                    why=_same_as(first[need.id]) if again else _why(need),
                    proof=words.document(kind).kind == "proof",
                )
            )
            first.setdefault(need.id, source.item.label)
    return tuple(found)


def _published(source: Source, answers: Answers) -> list[tuple[str, str, int | None, str]]:
    """The materials of one item in the order of its declaration, so that two runs print the same sheet."""
    places = {(m.type, m.role): place for place, m in reversed(list(enumerate(source.item.materials)))}
    return sorted(
        identities([source], answers), key=lambda one: (places[one[0], one[1]], one[2] or 0, one[3])
    )


def fields(compiled: Compiled) -> tuple[Fate, ...]:
    """Every published field, item after item; a row of a group counts once for each row that must be there."""
    asks = [ask for page in compiled.pages for ask in page.fields]
    labels = {source.key: source.item.label for source in compiled.items}
    found = []
    for source in compiled.items:
        for ask in asks:
            for place, key in enumerate(ask.asked_by):
                if key == source.key:
                    found.append(_field(ask, source.item.label, labels[ask.asked_by[0]] if place else None))
    return tuple(found)


def steps(compiled: Compiled, answers: Answers) -> tuple[Fate, ...]:
    """Every application and every published step; those on the longest chain are what is left of them."""
    chain, critical = set(longest_chain(compiled.nodes)), set(critical_path(compiled.nodes))
    nodes = {node.key: node for node in compiled.nodes}
    own: dict[str, list[Node]] = {}
    for node in compiled.nodes:
        own.setdefault(node.item, []).append(node)
    found: list[Fate] = []
    for number, source in enumerate(compiled.items):
        found.append(_application(source, compiled.items[0].item.label if number else None))
        found.extend(
            Fate(
                item=source.item.label,
                what=node.label,
                became="kept" if node.key in chain else "parallel",
                why=_waits(node, nodes, compiled),
                days=(node.starts, node.ends),
                critical=node.key in critical,
            )
            for node in own.get(source.key, ())
        )
    return tuple(found)


def trips(compiled: Compiled, left: int) -> tuple[Fate, ...]:
    """Every published trip; `left` of them remain after compiling, all in one."""
    found: list[Fate] = []
    for source in compiled.items:
        for _ in range(source.item.trips):
            why = source.item.visit or {"zh": "按办事指南到场", "en": "as its guide says"}
            found.append(
                Fate(
                    item=source.item.label,
                    what=why,
                    became="kept" if len(found) < left else "merged",
                    why=ONE_VISIT if len(found) < left else NO_VISIT,
                )
            )
    return tuple(found)


ONE_VISIT: Label = {"zh": "只能领取的结果一次领齐", "en": "all results that can only be collected, at once"}
NO_VISIT: Label = {
    "zh": "一次网上申请，结果邮寄或电子送达",
    "en": "one application online; results by post or electronically",
}


def _of(what: Label, role: Label) -> Label:
    return {"zh": f"{role['zh']}·{what['zh']}", "en": f"{what['en']} ({role['en']})"}


def _same_as(first: Label) -> Label:
    return {
        "zh": f"与“{first['zh']}”要的是同一份，只交一次",
        "en": f"the same as for “{first['en']}”, handed in once",
    }


def _why(need: Need) -> Label:
    source = need.supply.source or {"zh": "", "en": ""}
    reasons: dict[str, Label] = {
        "form": {"zh": "由填写的内容自动生成", "en": "made from the answers"},
        "certificate": {"zh": f"{source['zh']}的电子证照", "en": f"e-certificate of {source['en']}"},
        "attribute": {"zh": f"{source['zh']}的数据已证明", "en": f"proved by the data of {source['en']}"},
        "output": {
            "zh": f"由“{source['zh']}”办出来，直接流转",
            "en": f"made by “{source['en']}” and handed on",
        },
        "earlier": {
            "zh": f"{source['zh']}交过，还在有效期",
            "en": f"handed in with {source['en']}, still valid",
        },
        "commitment": {
            "zh": "申请人承诺代替，办后核查",
            "en": "replaced by a commitment, checked afterwards",
        },
        "ask": {"zh": "没有数据、证照或其他环节能代替", "en": "no data, certificate or step supplies it"},
    }
    return reasons[need.supply.way]


def _field(ask: Ask, item: Label, before: Label | None) -> Fate:
    what = _of(ask.label, ask.role_label)
    if ask.comes_from is not None:
        made: Label = {
            "zh": f"由“{ask.comes_from['zh']}”产生",
            "en": f"comes from “{ask.comes_from['en']}”",
        }
        return Fate(item=item, what=what, became="output", why=made)
    if ask.settled and ask.known:
        known: Label = {
            "zh": f"{ask.known.source['zh']}已核",
            "en": f"verified by {ask.known.source['en']}",
        }
        return Fate(item=item, what=what, became="known", why=known)
    if before:
        same: Label = {
            "zh": f"与“{before['zh']}”同一栏，只填一次",
            "en": f"as for “{before['en']}”, filled in once",
        }
        return Fate(item=item, what=what, became="merged", why=same)
    why: Label = {"zh": "只有申请人知道", "en": "only the applicant knows"}
    return Fate(item=item, what=what, became="ask", why=why)


def _application(source: Source, first: Label | None) -> Fate:
    what: Label = {"zh": "提出申请", "en": "Apply"}
    if first is None:
        why: Label = {"zh": "一张表、交一次，代表全部事项", "en": "one form, one submission for all items"}
        return Fate(item=source.item.label, what=what, became="kept", why=why)
    return Fate(
        item=source.item.label,
        what=what,
        became="merged",
        why={"zh": f"与“{first['zh']}”一起申请", "en": f"applied for together with “{first['en']}”"},
    )


def _waits(node: Node, nodes: dict[str, Node], compiled: Compiled) -> Label:
    """What a step waits for, by name; nothing means that it begins on the day of acceptance."""
    if not node.needs:
        return {"zh": "不等任何人，受理当天就开始", "en": "waits for nobody, begins on acceptance"}
    names = [nodes[need].label for need in node.needs]
    said = list(_reasons(node.because, compiled))
    zh = f"等“{'”“'.join(name['zh'] for name in names)}”"
    en = f"waits for “{'”, “'.join(name['en'] for name in names)}”"
    return {
        "zh": f"{zh}：{'、'.join(one['zh'] for one in said)}",
        "en": f"{en}: {', '.join(one['en'] for one in said)}",
    }


def _reasons(because: Iterable[str], compiled: Compiled) -> Iterator[Label]:
    labels = {need.id: need.label for need in compiled.needs}
    labels |= {ask.id: ask.label for page in compiled.pages for ask in page.fields}
    for why in dict.fromkeys("data" if one not in labels and one not in FIXED else one for one in because):
        yield FIXED.get(why) or labels[why]


FIXED: dict[str, Label] = {
    "law": {"zh": "法定先后", "en": "the law puts it first"},
    "payment": {"zh": "缴费", "en": "payment"},
    "data": {"zh": "用它的结果", "en": "uses its result"},
}
