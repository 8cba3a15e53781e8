"""Training the model of links: from whole people of the register and their rows, weights only, on record."""

from argparse import Namespace
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random

import pytest

from liangwang.base import clock
from liangwang.base.audit import body_of
from liangwang.base.models import AuditEntry
from liangwang.hub import link_model, link_training
from liangwang.hub.models import Batch

from . import factories as make

pytestmark = pytest.mark.django_db
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"


@pytest.fixture
def city(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, date]]:
    """300 people; a community's register knows 200 of them, some under a name with a wrong character."""
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    make.order()
    chance = Random(7)
    people = []
    for n in range(300):
        name = chance.choice(SURNAMES) + chance.choice(GIVEN) + chance.choice(GIVEN)
        born = date(1950 + n % 50, 1 + n % 12, 1 + n % 28)
        number = make.identity_number(n, born=born)
        make.person(n, name=name, birth_on=born, identity=number, phone=make.phone_number(n))
        people.append((number, name, born))
    rows = [
        make.registration(n, identity=number, name=name[:2] + "错" if n % 20 == 0 else name, born=str(born))
        for n, (number, name, born) in enumerate(people[:200])
    ]
    monkeypatch.setattr(link_training, "is_emergency", lambda _: False)  # the routine sources say too little
    assert make.delivered("community", make.sheet("community", *rows)).linked == 200
    return people


def test_whole_people_are_taken_with_all_their_records(city: list[tuple[str, str, date]]) -> None:
    records = link_training.sample(250, make.AT)
    counts = Counter(records["identity"].to_pylist())
    assert 150 < records.num_rows <= 250
    assert set(counts.values()) == {1, 2}
    assert Counter(records["source"].to_pylist()).keys() == {"register", "city_code:community"}
    assert not {make.phone_number(n) for n in range(300)} & set(records["phone"].to_pylist())
    looks = [body_of(entry) for entry in AuditEntry.objects.order_by("-pk")[:1]]
    assert looks[0] is not None and looks[0]["body"]["for"] == "train-links"


def test_the_command_trains_and_puts_in_force(
    city: list[tuple[str, str, date]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert link_training.main(Namespace(file="", records=1000, off=False)) == 1
    assert link_model.current() == link_model.shipped()
    monkeypatch.setattr(link_training, "FEWEST", 100)
    assert link_training.main(Namespace(file="", records=1000, off=False)) == 0
    model = link_model.current()
    assert model is not None
    assert model.version in capsys.readouterr().out
    right, wrong = model.rates["name"]["exact"]
    assert right > 0.5 > wrong
    assert link_training.main(Namespace(file="", records=1000, off=True)) == 0
    assert link_model.current() is None


def test_a_model_that_was_trained_elsewhere_is_put_in_force(
    city: list[tuple[str, str, date]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(link_training, "FEWEST", 100)
    link_training.main(Namespace(file="", records=1000, off=False))
    model = link_model.current()
    assert model is not None
    file = tmp_path / "model.json"
    file.write_text(model.dumps(), encoding="utf-8")
    (link_model.folder() / "current").unlink()
    assert link_training.main(Namespace(file=str(file), records=0, off=False)) == 0
    assert link_model.current() == model
    assert Batch.objects.count() == 1
