"""Units convert inside their dimension and nowhere else."""

from datetime import timedelta

import pytest

from liangwang.base.units import UNITS, Quantity, duration, duration_us, quantity


def test_written_quantities_are_read() -> None:
    assert quantity("30cm") == Quantity(30, "cm")
    assert quantity("1.5 h").to("min") == 90
    assert quantity("36km/h").to("m/s") == pytest.approx(10)
    assert quantity("50%").to("%") == 50


def test_durations_are_physical_time_only() -> None:
    assert duration("5min") == timedelta(minutes=5)
    assert duration("2d") == timedelta(days=2)
    assert duration_us("1ms") == 1000
    for text in ("3working_day", "1month", "1year"):
        with pytest.raises(ValueError, match="measures"):
            duration(text)


@pytest.mark.parametrize("text", ["", "5", "min", "5 fortnight", "1e3s", "5min later"])
def test_what_is_no_quantity_is_refused_in_both_languages(text: str) -> None:
    with pytest.raises(ValueError, match=r" \| "):
        quantity(text)


def test_every_unit_has_both_names() -> None:
    for unit in UNITS.values():
        assert unit.symbol == "1" or (unit.label["zh"] and unit.label["en"])
        assert Quantity(1, unit.symbol).to(unit.symbol) == 1
