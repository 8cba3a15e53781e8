"""`liangwang generate-items`: an invented catalogue by seed, as large as a city's, for load and measurement; all demo."""

import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from liangwang.base.labels import Label
from liangwang.base.packs import declarations

from .compiled import Bound, Source
from .declare import Bundle, Item
from .vocabulary import Concept, Document, Words

PACK = "demo_catalogue"
NAME: Label = {"zh": "演示目录", "en": "Demo catalogue"}
REACH = 6  # an item uses the results of at most so many before it, so that nothing is circular
THINGS = ("场所", "设备", "车辆", "人员资格", "活动", "产品", "项目", "账户", "档案", "补贴", "名称", "用地")
ACTS = ("登记", "备案", "许可", "变更", "注销", "年度报告", "核准", "申领", "确认", "换证")
KINDS = ("licence", "confirmation", "grant", "award", "levy", "other_power", "public_service")
LEVELS = ("city", "district", "street")
FORMS = ("original", "copy", "copy", "certificate")
ROLES = ("applicant", "agent", "company")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "demo_who": ("person", "company"),
    "demo_first": ("first", "again"),
    "demo_where": ("here", "elsewhere", "abroad"),
    "demo_size": ("small", "middle", "large"),
    "demo_hurry": ("no", "yes"),
}
"""Shared by all items, each with the same options everywhere: items that know other options contradict each other."""


class Vocabulary(NamedTuple):
    """The words that invented items use: keys of departments, concepts and documents of the vocabulary."""

    departments: Sequence[str]
    concepts: Sequence[str]
    documents: Sequence[str]


class Made(NamedTuple):
    """A catalogue: raw entries as items.yaml has them, and the documents that its items issue."""

    items: list[dict[str, Any]]
    bundles: list[dict[str, Any]]
    documents: list[dict[str, str]]

    def sources(self) -> list[Source]:
        """The items, typed."""
        return [
            Source(f"{PACK}:{raw['item']}", msgspec.convert(raw, Item, strict=False)) for raw in self.items
        ]

    def bounds(self) -> list[Bound]:
        """Every bundle with its items, then every item alone."""
        sources = {source.key: source for source in self.sources()}
        found = []
        for raw in self.bundles:
            head = msgspec.convert(raw, Bundle, strict=False)
            joined = tuple(sources[joined.item] for joined in head.joins)
            found.append(Bound(f"{PACK}:{head.bundle}", head, joined))
        return found + [Bound(source.key, source.item, (source,)) for source in sources.values()]

    def words(self, base: Words) -> Words:
        """The vocabulary with the documents that these items issue."""
        own = {
            raw["key"]: Document(
                key=raw["key"],
                label={"zh": raw["zh"], "en": raw["en"]},
                issuer=raw["source"],
                electronic=True,
            )
            for raw in self.documents
        }
        return Words(base.concepts, {**base.documents, **own})


def main(count: int, seed: int, out: str) -> int:
    """The command: writes the catalogue as a pack in folder `out`, and tells what it wrote."""
    began = time.process_time()
    made = generate(count, seed, vocabulary())
    folder = Path(out) / PACK
    write_pack(made, folder)
    sys.stdout.write(
        f"{len(made.items):,} 个演示事项，{len(made.bundles):,} 个一件事 · demo items and bundles in {folder},"
        f" {time.process_time() - began:.1f} CPU-s\n"
    )
    return 0


def vocabulary() -> Vocabulary:
    """The words of the packs in force."""
    return Vocabulary(
        [one.key for one in declarations("departments.csv")],
        [one.key for one in declarations("concepts.csv")],
        [one.key for one in declarations("materials.csv")],
    )


def words_of(known: Vocabulary) -> Words:
    """Plain words for a vocabulary of keys alone, for measurements without packs."""
    return Words(
        {key: Concept(key=key, label={"zh": key, "en": key}) for key in known.concepts},
        {key: Document(key=key, label={"zh": key, "en": key}) for key in known.documents},
    )


def generate(count: int, seed: int, known: Vocabulary) -> Made:
    """`count` invented items and the bundles that join them; the same seed and vocabulary give the same catalogue.

    Items have 3 to 12 fields, 1 to 8 materials and 2 to 6 steps, as published items do; a third use the result of one
    to three items shortly before them. Bundles join 4 to 40 items in a row, so each item is in one.
    """
    dice = random.Random(seed)
    makers = [_item(n, dice, known) for n in range(count)]
    documents = [
        {
            "key": f"demo_result_{n:04d}",
            "zh": f"{raw['label']['zh']}结果",
            "en": f"Result of {raw['label']['en']}",
            "kind": "certificate",
            "source": raw["office"]["department"],
            "electronic": "yes",
        }
        for n, raw in enumerate(makers)
    ]
    return Made(makers, list(_bundles(makers, dice)), documents)


def write_pack(made: Made, folder: Path) -> None:
    """The catalogue as a folder of declarations, read like any other pack."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = made.items[0]["office"]["department"] if made.items else "health"
    (folder / "pack.toml").write_text(
        f'# 演示 · demo: invented by `liangwang generate-items`, describes nothing real.\nowner = "{owner}"\n'
        f'mode = "routine"\nneeds = []\n\n[name]\nzh = "{NAME["zh"]}"\nen = "{NAME["en"]}"\n',
        encoding="utf-8",
    )
    # JSON is YAML, and is written a hundred times faster than by a YAML writer.
    lines = (f"- {json.dumps(raw, ensure_ascii=False)}\n" for raw in (*made.bundles, *made.items))
    (folder / "items.yaml").write_text("".join(lines), encoding="utf-8")
    heads = ("key", "zh", "en", "kind", "source", "electronic")
    rows = (",".join(raw[head] for head in heads) for raw in made.documents)
    (folder / "materials.csv").write_text("\n".join([",".join(heads), *rows]) + "\n", encoding="utf-8")


def _item(n: int, dice: random.Random, known: Vocabulary) -> dict[str, Any]:
    asked = dice.sample(list(QUESTIONS), dice.choice((0, 0, 0, 1, 2)))
    before = dice.sample(range(max(0, n - REACH), n), min(n, dice.choice((0, 0, 1, 1, 2, 3))))
    steps = _steps(dice, known, before)
    days = sum(step["working_days"] for step in steps)
    made: dict[str, Any] = {
        "item": f"demo_{n:04d}",
        "label": _label(n, dice),
        "guide": {
            "zh": "演示事项，内容是虚构的。",
            "en": "A demo item; everything in it is invented.",
        },
        "office": _office(dice, known),
        "kind": dice.choice(KINDS),
        "subject": "applicant",
        "roles": {
            "agent": {"zh": "代办人", "en": "agent"},
            "company": {"zh": "单位", "en": "company"},
        },
        "promised_days": _days(days + dice.randrange(3)),
        "legal_days": _days(days + 20),
        "trips": (trips := dice.choice((0, 0, 1, 1, 2))),
        "questions": [_question(key) for key in asked],
        "fields": _fields(dice, known, asked),
        "materials": _materials(dice, known, asked),
        "outputs": [{"certificate": f"demo_result_{n:04d}", "role": "applicant"}],
        "steps": steps,
        "delivery": [
            {
                "ways": dice.choice((["electronic"], ["post", "collect"], ["collect"])),
                "label": {"zh": "结果送达", "en": "Delivery of the result"},
            }
        ],
    }
    if trips:
        made["visit"] = {"zh": "单独办理时到窗口", "en": "Alone, one goes to the counter"}
    return made


def _label(n: int, dice: random.Random) -> Label:
    thing, act = dice.choice(THINGS), dice.choice(ACTS)
    return {"zh": f"{thing}{act}（演示 {n:04d}）", "en": f"Demo item {n:04d}"}


def _days(days: int) -> dict[str, Any]:
    return {"days": days, "basis": {"zh": "演示", "en": "demo"}, "unverified": True}


def _office(dice: random.Random, known: Vocabulary) -> dict[str, str]:
    return {"department": dice.choice(known.departments), "level": dice.choice(LEVELS)}


def _question(key: str) -> dict[str, Any]:
    options = [{"option": o, "label": {"zh": f"{key}：{o}", "en": f"{key}: {o}"}} for o in QUESTIONS[key]]
    return {"question": key, "label": {"zh": f"情形 {key}", "en": f"Situation {key}"}, "options": options}


def _when(dice: random.Random, asked: Sequence[str]) -> dict[str, Any]:
    """A quarter of the parts depend on a question, where the item asks any."""
    if not asked or dice.random() > 0.25:
        return {}
    question = dice.choice(asked)
    options = QUESTIONS[question]
    return {"when": {question: dice.sample(options, dice.randint(1, len(options) - 1))}}


def _fields(dice: random.Random, known: Vocabulary, asked: Sequence[str]) -> list[dict[str, Any]]:
    wanted = dice.sample(known.concepts, min(len(known.concepts), dice.randint(3, 12)))
    return [
        {
            "concept": concept,
            "role": dice.choice(ROLES),
            "required": dice.random() < 0.8,
            **_when(dice, asked),
        }
        for concept in wanted
    ]


def _materials(dice: random.Random, known: Vocabulary, asked: Sequence[str]) -> list[dict[str, Any]]:
    wanted = dice.sample(known.documents, min(len(known.documents), dice.randint(1, 8)))
    found = []
    for document in wanted:
        one: dict[str, Any] = {"type": document, "role": dice.choice(ROLES), "form": dice.choice(FORMS)}
        if dice.random() < 0.3:
            one["shown_by"] = {dice.choice(known.concepts): "any"}
        if dice.random() < 0.2:
            one["valid_months"] = dice.choice((3, 6, 12))
        if dice.random() < 0.1:
            one["commitment"] = {"zh": "我承诺符合条件", "en": "I state that I meet the condition"}
        found.append({**one, **_when(dice, asked)})
    return found


def _steps(dice: random.Random, known: Vocabulary, before: Sequence[int]) -> list[dict[str, Any]]:
    """Steps that follow one another, some side by side; the first uses the results of items before."""
    steps: list[dict[str, Any]] = []
    for n in range(dice.randint(2, 6)):
        step: dict[str, Any] = {
            "step": f"s{n}",
            "label": {"zh": f"第 {n + 1} 步", "en": f"Step {n + 1}"},
            "working_days": dice.choice((0, 1, 1, 2, 3, 5)),
        }
        if n:
            step["after"] = [f"s{dice.randrange(n)}"]
        if dice.random() < 0.2:
            step["by"] = _office(dice, known)
        steps.append(step)
    steps[0]["uses"] = [f"applicant.demo_result_{one:04d}" for one in sorted(before)]
    return steps


def _bundles(items: Sequence[dict[str, Any]], dice: random.Random) -> Any:
    start, number = 0, 0
    while start < len(items):
        size = min(dice.randint(4, 40), len(items) - start)
        joined = items[start : start + size]
        yield {
            "bundle": f"demo_bundle_{number:03d}",
            "label": {"zh": f"演示一件事 {number:03d}", "en": f"Demo bundle {number:03d}"},
            "guide": {"zh": "演示，内容是虚构的。", "en": "Demo; everything in it is invented."},
            "office": joined[0]["office"],
            "ours": True,
            "joins": [{"item": f"{PACK}:{one['item']}"} for one in joined],
        }
        start, number = start + size, number + 1
