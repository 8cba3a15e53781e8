"""Why what was granted may be cancelled or revoked by the office itself: lists to choose from, in our own words."""

from liangwang.base.labels import Label

# 注销 (行政许可法 art. 70): the six cases as listed at https://wxdog.cc/a/367633288409852524.html
CANCEL: dict[str, Label] = {
    "expired": {"zh": "有效期满，没有延续", "en": "it expired and was not renewed"},
    "died": {"zh": "持证人死亡或者丧失行为能力", "en": "the holder has died or has lost legal capacity"},
    "ended": {"zh": "持证单位依法终止", "en": "the company or organisation has ended"},
    "revoked": {"zh": "许可已被撤销、撤回或者证件被吊销", "en": "it was revoked or withdrawn"},
    "impossible": {"zh": "因不可抗力，事项无法实施", "en": "force majeure makes it impossible"},
    "other": {"zh": "法律、法规规定的其他情形", "en": "another case that the law names"},
}
# 撤销 (行政许可法 art. 69): unverified, the text of the article was not read.
REVOKE: dict[str, Label] = {
    "deceit": {"zh": "以欺骗、贿赂等不正当手段取得", "en": "obtained by deceit or bribery"},
    "not_qualified": {
        "zh": "不具备申请资格或者不符合法定条件",
        "en": "the conditions of the law were not met",
    },
    "procedure": {"zh": "违反法定程序作出", "en": "granted against due procedure"},
    "beyond": {"zh": "超越法定职权作出", "en": "granted beyond the office's powers"},
    "abuse": {"zh": "滥用职权、玩忽职守作出", "en": "granted by abuse or neglect of office"},
    "promise": {"zh": "告知承诺不实", "en": "a commitment was false"},
    "other": {"zh": "依法可以撤销的其他情形", "en": "another case that the law names"},
}


def reasons_of(ground: str, words: str, grounds: dict[str, Label]) -> list[str]:
    """The reasons of a case: the ground that was chosen and what was written; nothing unless both are there.

    >>> reasons_of("died", " 2026年11月1日 ", CANCEL)
    ['持证人死亡或者丧失行为能力', '2026年11月1日']
    >>> reasons_of("died", " ", CANCEL)
    []
    """
    said = [line.strip() for line in words.splitlines() if line.strip()]
    return [grounds[ground]["zh"], *said] if ground in grounds and said else []
