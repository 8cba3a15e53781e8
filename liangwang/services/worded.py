"""A value as one reads it: the label of a choice, yes and no, yuan for 分, numbers masked."""

from typing import Any

from liangwang.base.labels import Label

from . import sealed
from .vocabulary import Concept

YES_NO: dict[str, Label] = {"yes": {"zh": "是", "en": "Yes"}, "no": {"zh": "否", "en": "No"}}
NUMBERS_ONLY = {"address"}  # an office that decides knows where; only numbers are masked for it


def worded(concept: Concept, key: str, value: Any) -> Any:
    """A value as one reads it: the label of a choice, yuan for 分, numbers masked."""
    for choice in concept.choices:
        if choice.value == str(value):
            return choice.label
    if concept.kind == "yes_no":
        return YES_NO.get(str(value), value)
    if concept.kind == "money" and str(value).isdigit():
        amount = f"{int(value) / 100:,.2f}"
        return {"zh": f"{amount} 元", "en": f"CNY {amount}"}
    return value if concept.kind in NUMBERS_ONLY else sealed.masked(key, value)
