"""The office's acts at once and cut short: 200 tries on one letter, case and box leave one; kill -9 halves nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from liangwang.base.errors import Refusal
from liangwang.base.transactions import write
from liangwang.cases.models import Case
from liangwang.services import actions
from liangwang.services.actions.archive import archive_case
from liangwang.services.actions.letters import write_letter
from liangwang.services.models import Certificate, Letter
from liangwang.services.models_letters import Archive, Delivery, LetterSeries
from tests.cases.factories import AT
from tests.cases.test_concurrency import real_file  # noqa: F401  (SQLite in a file, as in a city)
from tests.house import House
from tests.services.handled import handled, licensed

HANDS, KILLS = 8, 4
MANY = pytest.mark.parametrize("tries", [40, pytest.param(200, marks=pytest.mark.slow)])


def tried(act: Callable[[int], object], tries: int) -> int:
    """Runs an act so many times by HANDS at once; how many came through. What is no refusal is raised."""

    def one(number: int) -> bool:
        try:
            with write():
                act(number)
            return True
        except Refusal:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(HANDS) as hands:
        return sum(hands.map(one, range(tries)))


@MANY
@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_many_tries_on_one_task_one_stands(tries: int, real_file: None, data_dir: object) -> None:  # noqa: F811
    with write():
        scene = handled()
        found = write_letter(scene.submission, "granted", at=AT, office=scene.case.lead_office)
        certificate = licensed(scene)
    clerk, wanted = scene.approver, [{"zh": "租赁合同", "en": "Lease"}]

    def told(number: int) -> object:
        """Half ask for a supplement, half accept: whoever is first decides which."""
        if number % 2:
            return actions.ask_supplement(actor=clerk, submission=scene.fresh(), wanted=wanted, at=AT)  # type: ignore[arg-type]
        return actions.accept(actor=clerk, submission=scene.fresh(), at=AT)

    def sent(number: int) -> object:
        if number % 2:
            return actions.put_in_cabinet(actor=clerk, letter=found, cabinet="大厅", box="A1", at=AT)
        return actions.send_by_post(
            actor=clerk, letter=found, carrier="邮政", tracking=f"EX{number:05d}CN", at=AT
        )

    assert tried(told, tries) == 1
    assert Letter.objects.filter(case=scene.case, kind__in=("supplement", "accepted")).count() == 1
    assert tried(sent, tries) == 2, "one by post, one into the box"
    assert sorted(Delivery.objects.filter(letter=found).values_list("way", flat=True)) == ["cabinet", "post"]
    ask = lambda _n: actions.ask_cancellation(  # noqa: E731
        actor=scene.applicant, certificate=Certificate.objects.get(pk=certificate.pk), reason="不开了", at=AT
    )
    assert tried(ask, tries) == 1 and Case.objects.filter(follows_as="cancellation").count() == 1


@MANY
@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_an_archive_is_sealed_once_under_one_number(tries: int, real_file: None, data_dir: object) -> None:  # noqa: F811
    with write():
        scene = handled()
        actions.withdraw(actor=scene.applicant, submission=scene.submission, at=AT)
    case = Case.objects.select_related("lead_office").get(pk=scene.case.pk)
    assert tried(lambda _n: archive_case(case, at=AT), tries) == tries
    archive = Archive.objects.get(case=case)
    series = LetterSeries.objects.get(key__contains="/档/")
    assert archive.number is not None and archive.number.endswith("-000001") and series.last == 1


@pytest.mark.slow
def test_kill_9_leaves_no_letter_without_its_posting_and_no_gap(make_house: Callable[..., House]) -> None:
    house = make_house()
    with_it: Any = house.do("from tests.faults.acts import prepare; answer = prepare()")
    said: list[str] = []
    chance = random.Random(7)
    for _turn in range(KILLS):
        said += _killed(house, with_it, chance.uniform(0.2, 1.2))
    left = house.do("from tests.faults.acts import outcome; answer = outcome()")
    numbers = [int(number.rpartition("第")[2][:-1]) for number in left["numbers"]]
    assert numbers == list(range(1, len(numbers) + 1)) and len(said) > KILLS
    assert left["numbers"] == left["posted"] == left["logged"], (
        "a letter, its posting and its log entry, or none"
    )
    assert set(said) <= set(left["numbers"]), "what was said to be done is done"
    assert len(left["numbers"]) - len(said) <= KILLS, "at most the one in hand was not told"


def _killed(house: House, with_it: dict[str, Any], after_s: float) -> list[str]:
    """Lets an office work for a while after its first word, then ends it as a power cut would; what it said."""
    code = (
        "import django; django.setup()\nfrom tests.faults.acts import go_on\n"
        f"go_on({with_it['submission']!r}, {with_it['post']})"
    )
    environment = {**house.env, "DJANGO_SETTINGS_MODULE": "liangwang.settings"}
    worker = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    lines = [worker.stdout.readline()]
    assert lines[0], "it works"
    time.sleep(after_s)
    os.kill(worker.pid, signal.SIGKILL)
    lines += worker.stdout.read().splitlines(keepends=True)
    worker.wait()
    return [line.strip() for line in lines if line.endswith("\n")]
