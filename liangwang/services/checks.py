"""What the inspector asks of an item beyond its schema: the elements of the national list (实施清单), one by one."""

from collections.abc import Callable, Iterator

from liangwang.base.declare import Problem
from liangwang.base.errors import NotFound
from liangwang.base.inspection import Look, inspect
from liangwang.base.labels import Label
from liangwang.base.packs import Declared

from . import catalogue
from .compiled import Bound
from .declare import Item
from .forms_of_text import is_credit_code

GIVEN = ("code", "basic_code")
"""Elements that the national platform gives: nobody here can write them, so that their lack is counted, not advised."""
ELEMENTS: dict[str, tuple[Label, Callable[[Item], bool]]] = {
    "code": ({"zh": "实施编码", "en": "implementation code"}, lambda one: bool(one.code)),
    "basic_code": ({"zh": "基本编码", "en": "basic code"}, lambda one: bool(one.basic_code or one.code)),
    "aliases": ({"zh": "人们怎么叫它", "en": "what people call it"}, lambda one: bool(one.aliases)),
    "theme": ({"zh": "主题", "en": "theme"}, lambda one: one.theme != "other"),
    "conditions": ({"zh": "受理条件", "en": "conditions"}, lambda one: bool(one.conditions)),
    "basis": ({"zh": "设定依据", "en": "legal basis"}, lambda one: bool(one.basis)),
    "legal_days": ({"zh": "法定时限", "en": "legal limit"}, lambda one: one.legal_days is not None),
    "counters": ({"zh": "办理地点", "en": "counters"}, lambda one: bool(one.counters)),
    "result": ({"zh": "审批结果", "en": "result"}, lambda one: bool(one.outputs or one.result)),
}


def lacking(item: Item) -> tuple[str, ...]:
    """The elements of the national list that an item does not say."""
    return tuple(name for name, (_, said) in ELEMENTS.items() if not said(item))


@inspect("items.yaml")
def elements(one: Declared, look: Look) -> Iterator[Problem]:
    """Every element that an office can write stands in the item."""
    if not isinstance(one.value, Item):
        return
    for name in lacking(one.value):
        if name not in GIVEN:
            label = ELEMENTS[name][0]
            message: Label = {"zh": f"没有{label['zh']}", "en": f"no {label['en']}"}
            remedy: Label = {"zh": f"写上 {name}", "en": f"write '{name}'"}
            yield look.problem(one, (), "elements", message, remedy, level="advice")


@inspect("items.yaml")
def credit_code_of_the_office(one: Declared, look: Look) -> Iterator[Problem]:
    """The first 18 characters of a code are a credit code with its check character (GB 32100-2015)."""
    code = getattr(one.value, "code", None)
    if code and not is_credit_code(code[:18]):
        message: Label = {
            "zh": "实施编码的前 18 位不是统一社会信用代码",
            "en": "the first 18 characters of the code are no credit code",
        }
        remedy: Label = {"zh": "照公布的编码核对", "en": "compare it with the published code"}
        yield look.problem(one, ("code",), "code", message, remedy)


@inspect("items.yaml")
def certificates_have_a_keeper(one: Declared, look: Look) -> Iterator[Problem]:
    """Every certificate is about a party of the application, or names the party who keeps it; else nobody could have it."""
    try:
        bound = catalogue.bound(one.ref, look.root)
    except NotFound:
        return  # the reference check has said so
    parties = _parties(bound)
    for source in bound.items:
        for output in source.item.outputs:
            if output.certificate and not {output.role, output.keeper} & parties:
                message: Label = {
                    "zh": f"{source.key} 的证照 {output.certificate} 发给“{output.role}”，申请里没有这个人",
                    "en": f"{source.key} issues '{output.certificate}' to '{output.role}', who is no party",
                }
                remedy: Label = {
                    "zh": f"写 keeper，取 {'、'.join(sorted(parties))} 之一",
                    "en": f"name a 'keeper', one of {', '.join(sorted(parties))}",
                }
                yield look.problem(one, (), "keeper", message, remedy)


def _parties(bound: Bound) -> set[str]:
    """The roles that are somebody's once an application is handed in."""
    consents = [*bound.head.consents, *(c for source in bound.items for c in source.item.consents)]
    named = {
        field.role
        for source in bound.items
        for field in source.item.fields
        if field.concept.endswith(".name")
    }
    about = {bound.head.subject} & named
    return {"applicant", *bound.head.apply, *about, *(consent.role for consent in consents)}
