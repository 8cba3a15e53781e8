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
    """A number from 0 to 99 as a Chinese numeral.

    >>> chinese(1), chinese(10), chinese(12), chinese(30)
    ('一', '十', '十二', '三十')
    """
    tens, ones = divmod(number, 10)
    digits = "零一二三四五六七八九"
    if not tens:
        return digits[ones]
    return ("" if tens == 1 else digits[tens]) + "十" + (digits[ones] if ones else "")
