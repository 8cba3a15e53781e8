"""Chinese numerals of house and village numbers, up to 9,999, to Arabic ones and back."""

DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
STEPS = {"十": 10, "百": 100, "千": 1000}


def arabic(text: str) -> str:
    """A Chinese numeral in digits, read by value (一百零二) or digit by digit (一〇二).

    >>> arabic("一百零二"), arabic("一〇二"), arabic("十二"), arabic("二十")
    ('102', '102', '12', '20')
    """
    if not any(c in STEPS for c in text):
        return "".join(str(DIGITS[c]) for c in text)
    total, digit = 0, None
    for c in text:
        if c in STEPS:
            total += (1 if digit is None or (digit == 0 and not total % 10) else digit) * STEPS[c]
            digit = None
        else:
            digit = DIGITS[c]
    return str(total + (digit or 0))


def chinese(number: int) -> str:
    """A number from 0 to 9,999 as a Chinese numeral.

    >>> chinese(10), chinese(12), chinese(30), chinese(102), chinese(3201)
    ('十', '十二', '三十', '一百零二', '三千二百零一')
    """
    if number < 10:
        return "零一二三四五六七八九"[number]
    text = ""
    for step, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // step % 10
        if digit:
            text += "零一二三四五六七八九"[digit] + sign
        elif text and not text.endswith("零"):
            text += "零"
    text = text.rstrip("零")
    return text[1:] if text.startswith("一十") else text
