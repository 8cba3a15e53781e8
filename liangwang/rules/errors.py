"""What can be wrong with a rule, said in both languages with its column and a remedy."""

from typing import Final

TEMPLATES: Final[dict[str, dict[str, str]]] = {
    "syntax": {"zh": "这不是一个完整的表达式", "en": "this is not a complete expression"},
    "empty": {"zh": "条件是空的，请写一个表达式", "en": "the condition is empty, write an expression"},
    "name": {
        "zh": "没有叫“{name}”的量或限值{hint_zh}",
        "en": "no quantity or limit is called '{name}'{hint_en}",
    },
    "function": {"zh": "没有函数“{name}”{hint_zh}", "en": "there is no function '{name}'{hint_en}"},
    "not_allowed": {
        "zh": "规则里不能用 {what};可用比较、四则运算、and/or/not、in 和内核函数",
        "en": "a rule may not use {what}; it has comparison, + - * /, and/or/not, in, and kernel functions",
    },
    "arguments": {"zh": "函数的写法是 {usage}", "en": "write the function as {usage}"},
    "kind": {
        "zh": "“{text}”应是{expected_zh},却是{found_zh}",
        "en": "'{text}' should be {expected_en}, but is {found_en}",
    },
    "unit": {
        "zh": "“{left}”的单位是 {left_unit},“{right}”的单位是 {right_unit},不能相比或相加减",
        "en": "'{left}' is in {left_unit} but '{right}' in {right_unit}; they cannot be compared or added",
    },
    "duration": {
        "zh": "“{text}”不是时长，请写成 30s、5min、2h 或 1d",
        "en": "'{text}' is not a duration, write 30s, 5min, 2h or 1d",
    },
    "clock": {"zh": "“{text}”不是一天中的时刻", "en": "'{text}' is not a time of day"},
    "quantity_unit": {
        "zh": "数“{text}”带了单位：请放进 limits.yaml,写明单位、日期和依据，再用名字引用",
        "en": "'{text}' carries a unit: put it into limits.yaml with unit, date and basis, and use its name",
    },
    "condition": {
        "zh": "“{text}”应是能判断真假的条件",
        "en": "'{text}' should be a condition that is true or false",
    },
    "area": {
        "zh": "limits.yaml 里没有叫“{name}”的区域{hint_zh}",
        "en": "no area of limits.yaml is called '{name}'{hint_en}",
    },
    "position": {
        "zh": "{name} 要知道位置，但这种东西没有 lon 和 lat 两个量",
        "en": "{name} needs a position, but these things have no quantities lon and lat",
    },
    "stream_only": {"zh": "{name}() 只能用于数据流规则", "en": "{name}() works on streams of readings only"},
    "window": {
        "zh": "{text} 需要记住 {slots} 个读数，最多 {most} 个；请缩短时窗",
        "en": "{text} would have to remember {slots} readings, at most {most}; shorten the window",
    },
    "one_of": {
        "zh": "规则要么有 when,要么有 first,不能都有或都没有",
        "en": "a rule has either 'when' or 'first'",
    },
    "ladder": {"zh": "未知的等级“{level}”{hint_zh}", "en": "unknown level '{level}'{hint_en}"},
    "under": {
        "zh": "under 引用了没有的规则“{name}”{hint_zh}",
        "en": "'under' names an unknown rule '{name}'{hint_en}",
    },
    "under_cycle": {"zh": "under 成了环:{names}", "en": "'under' goes round in a circle: {names}"},
    "missing_column": {"zh": "没有给出“{name}”的值", "en": "no value was given for '{name}'"},
    "values": {
        "zh": "“{text}”不是数值，请写成 2、20x3(三个 20)或 -(缺一个)",
        "en": "'{text}' is not a value, write 2, 20x3 (three times 20) or - (one missing)",
    },
    "no_thing": {
        "zh": "本应用没有一种东西同时有这些量:{names}",
        "en": "no kind of thing of this pack has these quantities together: {names}",
    },
    "otherwise": {
        "zh": "只有 first 的最后一项可以不写 when,而且必须不写",
        "en": "the last entry of 'first', and only it, has no 'when'",
    },
}


class RuleError(ValueError):
    """A rule that cannot be read; `column` counts from 1, 0 when no place in the text is meant."""

    def __init__(self, code: str, column: int = 0, /, **fields: object) -> None:
        self.code, self.column, self.fields = code, column, fields
        super().__init__(self.message("en"))

    def message(self, lang: str) -> str:
        """Return the message in `zh` or `en`, with the column when there is one."""
        text = TEMPLATES[self.code][lang].format(**self.fields)
        if not self.column:
            return text
        return f"第 {self.column} 列:{text}" if lang == "zh" else f"column {self.column}: {text}"

    @property
    def label(self) -> dict[str, str]:
        """The message in both languages."""
        return {"zh": self.message("zh"), "en": self.message("en")}
