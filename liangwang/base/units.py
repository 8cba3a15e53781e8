"""Units and durations as declarations write them: `5min`, `30cm`; conversion inside one dimension only."""

import re
from datetime import timedelta
from typing import NamedTuple

from .labels import Label


class Unit(NamedTuple):
    """A unit: what it measures, how many base units one of it is, and its name."""

    symbol: str
    dimension: str
    factor: float
    label: Label


def _unit(symbol: str, dimension: str, factor: float, zh: str, en: str) -> Unit:
    return Unit(symbol, dimension, factor, {"zh": zh, "en": en})


UNITS: dict[str, Unit] = {
    unit.symbol: unit
    for unit in (
        _unit("ms", "time", 0.001, "毫秒", "milliseconds"),
        _unit("s", "time", 1, "秒", "seconds"),
        _unit("min", "time", 60, "分钟", "minutes"),
        _unit("h", "time", 3600, "小时", "hours"),
        _unit("d", "time", 86400, "日", "days"),
        _unit("working_day", "working time", 1, "工作日", "working days"),
        _unit("month", "calendar", 1, "个月", "months"),
        _unit("year", "calendar", 12, "年", "years"),
        _unit("mm", "length", 0.001, "毫米", "millimetres"),
        _unit("cm", "length", 0.01, "厘米", "centimetres"),
        _unit("m", "length", 1, "米", "metres"),
        _unit("km", "length", 1000, "公里", "kilometres"),
        _unit("m2", "area", 1, "平方米", "square metres"),
        _unit("km2", "area", 1e6, "平方公里", "square kilometres"),
        _unit("m3", "volume", 1, "立方米", "cubic metres"),
        _unit("L", "volume", 0.001, "升", "litres"),
        _unit("m3/s", "flow", 1, "立方米每秒", "cubic metres per second"),
        _unit("L/s", "flow", 0.001, "升每秒", "litres per second"),
        _unit("m/s", "speed", 1, "米每秒", "metres per second"),
        _unit("km/h", "speed", 1 / 3.6, "公里每小时", "kilometres per hour"),
        _unit("mm/h", "intensity", 1, "毫米每小时", "millimetres per hour"),
        _unit("deg", "angle", 1, "度", "degrees"),
        _unit("degC", "temperature", 1, "摄氏度", "degrees Celsius"),
        _unit("hPa", "pressure", 100, "百帕", "hectopascals"),
        _unit("dB", "sound", 1, "分贝", "decibels"),
        _unit("g", "acceleration", 9.80665, "重力加速度", "g"),
        _unit("V", "voltage", 1, "伏", "volts"),
        _unit("kW", "power", 1000, "千瓦", "kilowatts"),
        _unit("gram", "mass", 0.001, "克", "grams"),
        _unit("kg", "mass", 1, "千克", "kilograms"),
        _unit("%", "share", 0.01, "百分之", "per cent"),
        _unit("1", "count", 1, "", ""),
        _unit("person", "people", 1, "人", "people"),
        _unit("copy", "copies", 1, "份", "copies"),
        _unit("time", "times", 1, "次", "times"),
        _unit("fen", "money", 1, "分", "fen"),
        _unit("CNY", "money", 100, "元", "yuan"),
    )
}

_QUANTITY = re.compile(r"([-+]?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%][A-Za-z0-9/_]*)\Z")


class Quantity(NamedTuple):
    """A number with its unit."""

    value: float
    unit: str

    def to(self, unit: str) -> float:
        """The number in another unit of the same dimension; ValueError when there is no such way."""
        have, want = known(self.unit), known(unit)
        if have.dimension != want.dimension:
            raise ValueError(
                f"{self.unit} 是{have.dimension},不能换算为 {unit} | {self.unit} measures {have.dimension},"
                f" {unit} measures {want.dimension}"
            )
        return self.value * have.factor / want.factor


def known(symbol: str) -> Unit:
    """The unit of a symbol; ValueError (zh | en) when it is not one of ours."""
    if symbol not in UNITS:
        raise ValueError(f"不认识的单位“{symbol}” | unknown unit '{symbol}'")
    return UNITS[symbol]


def quantity(text: str) -> Quantity:
    """A written quantity.

    >>> quantity("30cm").to("m")
    0.3
    """
    match = _QUANTITY.match(text.strip())
    if not match:
        raise ValueError(
            f"“{text}”应是数字加单位，如 5min | '{text}' should be a number with a unit, like 5min"
        )
    return Quantity(float(match[1]), known(match[2]).symbol)


def duration(text: str) -> timedelta:
    """A written length of physical time; working days and months are not one, and are refused.

    >>> duration("5min")
    datetime.timedelta(seconds=300)
    """
    return timedelta(seconds=quantity(text).to("s"))


def duration_us(text: str) -> int:
    """A written length of time in whole microseconds, the unit of readings."""
    return duration(text) // timedelta(microseconds=1)
