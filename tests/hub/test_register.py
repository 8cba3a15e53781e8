"""The register: made from base, appended, compacted, never readable on disk; newcomers count with their batch or not at all."""

import hashlib
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import msgspec
import pyarrow as pa
import pytest
from django.db import connection

from liangwang.base import clock
from liangwang.base.models import Company, Person, Subject
from liangwang.base.packs import Declared
from liangwang.base.subjects import new_subject, person_by_identity, person_row, reserve
from liangwang.hub import actions, collect, features, jobs, live, queries, register, relink, store
from liangwang.hub.models import Batch, LateLink, Partition
from liangwang.hub.sources import source_of

from . import factories as make

pytestmark = pytest.mark.django_db
PACK = "city_code"


@pytest.fixture(autouse=True)
def under_order(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    make.order()


@pytest.fixture
def registering(monkeypatch: pytest.MonkeyPatch) -> None:
    """The community register makes subjects of numbers that nobody has."""

    def registers(name: str) -> Declared:
        one = source_of(name)
        return one._replace(value=msgspec.structs.replace(one.value, registers=True))

    monkeypatch.setattr(collect, "source_of", registers)


def rows_of(about: str = "person") -> list[dict[str, Any]]:
    con = store.connect()
    rows: list[dict[str, Any]] = con.to_pyarrow(
        register.register(con, about).order_by("subject_id")
    ).to_pylist()
    return rows


def test_it_is_appended_and_whoever_came_later_is_read_from_the_database() -> None:
    one = make.person(1)
    assert [row["subject_id"] for row in rows_of()] == [one.pk]
    assert register.refresh("person", make.AT).to_pylist() == [one.pk]
    two = make.person(2)
    assert [row["subject_id"] for row in rows_of()] == [one.pk, two.pk]
    assert register.refresh("person", make.AT + timedelta(minutes=1)).to_pylist() == [two.pk]
    assert register.refresh("person", make.AT + timedelta(minutes=2)).to_pylist() == []
    assert Partition.objects.filter(kind="register").count() == 2
    assert rows_of()[0][register.KEY] == one.identity_blind


def test_compacting_and_making_anew_change_files_and_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "PARTS_MAX", 1)
    for n in (1, 2, 3):
        make.person(n)
        register.refresh("person", make.AT + timedelta(minutes=n))
    before = rows_of()
    assert register.compact("person", make.AT + timedelta(minutes=9)) is not None
    assert len(store.in_force("register")) == 1
    assert rows_of() == before
    Person.objects.filter(name="张二").update(name="李二")
    register.rebuild("person", make.AT + timedelta(minutes=10))
    assert [row["name"] for row in rows_of()] == ["李二", "张三", "张四"]
    assert Partition.objects.filter(kind="register", ended_at=None).count() == 1


def test_phones_and_addresses_are_hashes_and_meet_those_of_rows() -> None:
    address = "长宁区愚园路1107弄12号301室"
    make.person(1, address=address)
    row = rows_of()[0]
    assert row["phone"] == Person.objects.get().phone_blind
    assert (row["surname"], row["pinyin"]) == ("张", "zhang er")
    register.refresh("person", make.AT)
    on_disk = b"".join(path.read_bytes() for path in store.folder().rglob("*.parquet"))
    assert make.phone_number(1).encode() not in on_disk
    assert "愚园路".encode() not in on_disk
    other = {"name": ["x"], "birth": [None], "sex": [None], "phone": [None], "address": ["愚园路1107弄12号"]}
    found = features.features(pa.table(other, schema=features.PLAIN)).to_pylist()[0]
    assert [found[level] == row[level] for level in features.ADDRESS] == [True, True, True, False]


def test_companies_and_places_are_in_it_by_their_codes() -> None:
    company = Company.objects.create(
        subject=new_subject("company", at=make.AT), name="演示公司", credit_code="91310000MA1FL00001"
    )
    assert [(r["subject_id"], r[register.KEY]) for r in rows_of("company")] == [
        (company.pk, company.credit_code)
    ]
    assert "310105012001" in {row[register.KEY] for row in rows_of("place")}


def test_reserved_ids_are_nobodys_and_are_not_given_again() -> None:
    ids = reserve("person", 3, at=make.AT)
    assert not Subject.objects.filter(pk__in=ids).exists()
    assert new_subject("person", at=make.AT).pk > max(ids)


@pytest.mark.usefixtures("registering")
def test_newcomers_count_with_their_batch_once_for_each_number() -> None:
    known = make.person(1)
    rows = [
        make.registration(1),
        make.registration(5, no="A"),
        make.registration(5, no="B"),
        make.registration(6, name="张七", born="", identity=""),
    ]
    batch = make.delivered("community", make.sheet("community", *rows))
    assert (batch.good, batch.linked, batch.unlinked) == (4, 3, 1)
    fresh = person_by_identity(make.identity_number(5))
    assert fresh is not None
    assert (fresh.name, fresh.birth_on.isoformat(), fresh.subject.kind) == ("张六", "1990-05-15", "person")
    table = store.read(batch.partitions.get(kind="rows")).to_pylist()
    assert sorted((r["row"], r["subject_id"], r["method"]) for r in table) == [
        (1, known.pk, "identity"),
        (2, fresh.pk, "registered"),
        (3, fresh.pk, "registered"),
        (4, None, None),
    ]
    assert Person.objects.count() == 2


@pytest.mark.usefixtures("registering")
def test_a_load_killed_before_it_counts_leaves_nobody_and_the_next_run_makes_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        """Stands for kill -9 between linking and publishing: nothing catches it."""

    raw = make.sheet("community", make.registration(5))
    batch, _ = actions.receive(raw, source="community", name="", actor=make.hats.platform(PACK), at=make.AT)

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(collect.store, "publish", killed)
        with pytest.raises(Killed):
            actions.load(batch, make.AT)
    assert not Person.objects.exists()
    assert not Partition.objects.exists()
    batch = actions.load(Batch.objects.get(), make.AT)
    person = Person.objects.get()
    assert store.read(batch.partitions.get(kind="rows"))["subject_id"].to_pylist() == [person.pk]


@pytest.mark.usefixtures("registering")
def test_two_workers_with_the_same_batch_make_one_person_and_one_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = make.sheet("community", make.registration(5))
    batch, _ = actions.receive(raw, source="community", name="", actor=make.hats.platform(PACK), at=make.AT)
    take = live.Matcher.take
    overtaken: list[Batch] = []

    def slow(self: live.Matcher, found: pa.Table) -> pa.Table:
        if not overtaken:  # after this one has linked, another worker loads all of it
            overtaken.append(Batch.objects.get(pk=batch.pk))
            collect.load(overtaken[0], make.AT)
        return take(self, found)

    monkeypatch.setattr(live.Matcher, "take", slow)
    actions.load(batch, make.AT)
    person = Person.objects.get()
    part = batch.partitions.get(kind="rows")
    assert store.read(part)["subject_id"].to_pylist() == [person.pk]
    assert hashlib.sha256((store.folder() / part.path).read_bytes()).hexdigest() == part.sha256


@pytest.mark.usefixtures("registering")
def test_someone_registered_while_the_batch_loads_is_found_and_not_doubled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take = live.Matcher.take
    others: list[Person] = []

    def slow(self: live.Matcher, found: pa.Table) -> pa.Table:
        if not others:
            others.append(make.person(5))
        return take(self, found)

    monkeypatch.setattr(live.Matcher, "take", slow)
    batch = make.delivered("community", make.sheet("community", make.registration(5)))
    assert store.read(batch.partitions.get(kind="rows"))["subject_id"].to_pylist() == [others[0].pk]
    assert Person.objects.count() == 1


@pytest.mark.usefixtures("registering")
def test_a_register_that_is_behind_doubles_nobody_and_does_not_load_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = make.person(5)
    monkeypatch.setattr(collect.near, "MOST_ROWS", 0)
    empty = register.SCHEMA.empty_table()
    monkeypatch.setattr(collect.register, "register", lambda con, about: ibis.memtable(empty))
    batch = make.delivered("community", make.sheet("community", make.registration(5), make.registration(6)))
    table = store.read(batch.partitions.get(kind="rows")).sort_by("row")
    assert table["subject_id"][0].as_py() == person.pk
    assert table["method"].to_pylist() == ["identity", "registered"]
    assert Person.objects.count() == 2


def test_rows_wait_for_their_person_and_get_her_once() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(5), make.trip(6)))
    person = make.person(5)
    register.refresh("person", make.AT)
    assert relink.relink("person", [person.pk], make.AT) == [person.pk]
    assert relink.relink("person", [person.pk], make.AT) == []
    late = LateLink.objects.get()
    assert (late.subject_id, late.method, late.score) == (person.pk, "identity", 1.0)
    actions.resettle([person.pk], make.AT)
    assert {row["attribute"] for row in queries.known(person.pk, PACK)} >= {"name", "phone"}


def test_the_job_makes_up_for_a_kill_between_register_and_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.clock, "now", lambda: make.AT)
    make.delivered("travel", make.sheet("travel", make.trip(5)))
    make.person(5)
    register.refresh("person", make.AT)  # and then the worker was killed
    monkeypatch.setattr(jobs.clock, "now", lambda: make.AT + timedelta(minutes=10))
    jobs.refresh_register.func()
    assert LateLink.objects.count() == 1
    jobs.refresh_register.func()
    assert LateLink.objects.count() == 1


def test_each_night_the_register_learns_what_changed_of_people_and_rows_find_them() -> None:
    at = make.AT
    make.delivered("travel", make.sheet("travel", make.trip(5)))
    person = make.person(4)
    jobs.refresh_register.func()
    assert not LateLink.objects.exists()
    corrected = person_row(
        person.subject, name="张六", sex="f", birth_on=person.birth_on, identity=make.identity_number(5)
    )
    Person.objects.filter(pk=person.pk).update(
        identity_blind=corrected.identity_blind, identity_sealed=corrected.identity_sealed, name="张六"
    )
    jobs.refresh_register.func()
    assert not LateLink.objects.exists(), "it was made anew today"
    night = at + timedelta(hours=14, minutes=30)
    with pytest.MonkeyPatch.context() as later:
        later.setattr(clock, "now", lambda: night)
        jobs.refresh_register.func()
    assert LateLink.objects.get().subject_id == person.pk
    assert [row["name"] for row in rows_of()] == ["张六"]
    replaced = [store.folder() / part.path for part in Partition.objects.exclude(ended_at=None)]
    assert register.sweep(night + timedelta(minutes=30)) < len(replaced)
    register.sweep(night + timedelta(hours=2))
    assert not [path for path in replaced if path.exists()]
    assert len(rows_of()) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from liangwang import settings
settings.DATABASES["default"]["NAME"], settings.DATA = sys.argv[1], Path(sys.argv[2])
import django
django.setup()
import msgspec
from liangwang.hub import actions, collect, {module}
from liangwang.hub.models import Batch
from liangwang.hub.sources import source_of
one = source_of("community")
one = one._replace(value=msgspec.structs.replace(one.value, registers=True))
collect.source_of = lambda name: one
{where} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
batch = Batch.objects.get()
actions.load(batch, batch.received_at)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("registering")
@pytest.mark.parametrize(
    ("module", "where"),
    [
        # newcomers have their ids, nothing is written
        pytest.param("live", "live.Matcher.take", marks=pytest.mark.slow),
        ("store", "store.publish"),  # files lie under their names, the transaction is open
        # the subjects are made, the transaction is open
        pytest.param("review", "review.open_for_rows", marks=pytest.mark.slow),
    ],
)
def test_kill_9_while_linking_leaves_nothing_half_done(data_dir: Path, module: str, where: str) -> None:
    raw = make.sheet("community", make.registration(5), make.registration(6))
    actions.receive(raw, source="community", name="", actor=make.hats.platform(PACK), at=make.AT)
    database = str(connection.settings_dict["NAME"])
    connection.close()
    program = KILLED.format(module=module, where=where)
    ended = subprocess.run([sys.executable, "-c", program, database, str(data_dir)], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not Person.objects.exists()
    assert not Partition.objects.exists()
    batch = actions.load(Batch.objects.get(), make.AT)
    table = store.read(batch.partitions.get(kind="rows"))
    assert sorted(table["subject_id"].to_pylist()) == sorted(Person.objects.values_list("pk", flat=True))
    assert Person.objects.count() == batch.linked == 2
