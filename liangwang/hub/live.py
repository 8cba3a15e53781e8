"""Links the rows of a load as they come: by identifier, then new subjects, then the model, and what it leaves to people."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import reduce
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base.models import Company, Person, Subject
from liangwang.base.subjects import person_row, reserve
from liangwang.engines import linkage
from liangwang.engines.linkage.findings import KEYS
from liangwang.engines.linkage.model import Model

from . import link, link_model, register
from .declare import Source
from .features import FEATURES, PLAIN, features
from .normalise import identity as numbers
from .review import Doubt

Run = Callable[[ibis.Table], pa.Table]
MODEL = "model"  # the method of a row that the model linked is model:<version>
REGISTERED = "registered"
OTHERS = 3
ASKED_AT_ONCE = (
    50_000  # rows without a number: whom they touch in a register of millions stays under a gigabyte
)


class RegisteredMeanwhile(Exception):
    """Another load has made a subject of one of our newcomers since: the load begins again and finds it."""


class Newcomers:
    """Subjects that a load will make: each identifier once, under an id that nobody else gets.

    The ids are in the rows before the subjects are in the database; both count with the batch's transaction, and
    an id of a load that was killed is never given again.
    """

    def __init__(self, source: Source, at: datetime) -> None:
        self.source, self.at = source, at
        self.ids: dict[str, int] = {}
        self.people: list[Person] = []
        self.companies: list[Company] = []

    def take(self, found: pa.Table) -> pa.Table:
        """The rows with the subjects of those whom nobody knows yet and of whom enough is said to register them.

        Whom the register does not show is asked of the database first: its files may be behind.
        """
        identifier = self.source.identifiers[0]
        key = link.key_of(self.source, identifier)
        unknown = found.filter(pc.and_(pc.is_null(found["subject_id"]), pc.is_valid(found[key])))
        fresh = {line[key]: line for line in reversed(unknown.to_pylist()) if line[key] not in self.ids}
        known = self._known(fresh)
        if known:
            ids = [known.get(text) for text in found[key].to_pylist()]
            found = _filled(found, ids, self.source.columns[identifier].type)
            fresh = {text: line for text, line in fresh.items() if text not in known}
        described = {text: told for text, line in fresh.items() if (told := self._described(line))}
        for (text, told), subject in zip(
            described.items(), reserve(self.source.about, len(described), at=self.at), strict=True
        ):
            self.ids[text] = subject
            self._add(Subject(pk=subject, kind=self.source.about, created_at=self.at), told)
        return _filled(found, [self.ids.get(text) for text in found[key].to_pylist()], REGISTERED)

    def _described(self, line: dict[str, Any]) -> dict[str, Any] | None:
        """What is needed to register the subject of a row, or None where the row does not say it."""
        said = link.said_by(self.source)
        code = line[self.source.identifiers[0]]
        if self.source.about == "company":
            name = line.get(said.get("company_name", ""))
            return {"name": name, "credit_code": code} if name else None
        born, sex = _told_by_number(code)
        told = {
            "name": line.get(said.get("name", "")),
            "sex": line.get(said.get("sex", "")) or sex,
            "birth_on": line.get(said.get("birth_date", "")) or born,
            "identity": code,
            "phone": line.get(said.get("phone", "")),
            "address": line.get(said.get("home_address", "")),
        }
        return told if told["name"] and told["sex"] in {"m", "f"} and told["birth_on"] else None

    def _add(self, subject: Subject, told: dict[str, Any]) -> None:
        if self.source.about == "company":
            self.companies.append(Company(subject=subject, **told))
        else:
            self.people.append(person_row(subject, **told))

    def _known(self, texts: Iterable[str]) -> dict[str, int]:
        """Who of these identifiers is in the database: identifier → subject."""
        found: dict[str, int] = {}
        every = list(texts)
        for start in range(0, len(every), 500):
            some = every[start : start + 500]
            if self.source.about == "person":
                people = Person.objects.filter(identity_blind__in=some)
                found.update((str(blind), pk) for blind, pk in people.values_list("identity_blind", "pk"))
            else:
                companies = Company.objects.filter(credit_code__in=some)
                found.update(companies.values_list("credit_code", "pk"))
        return found

    def enrol(self) -> int:
        """Makes the subjects, in the batch's transaction; raises RegisteredMeanwhile."""
        made: list[Person] | list[Company] = self.people or self.companies
        if self._known(self.ids):
            raise RegisteredMeanwhile
        Subject.objects.bulk_create([one.subject for one in made], batch_size=2000)
        Person.objects.bulk_create(self.people, batch_size=1000)
        Company.objects.bulk_create(self.companies, batch_size=1000)
        return len(made)


def _told_by_number(text: str) -> tuple[date | None, str | None]:
    told = numbers.details(pa.array([text]))
    return told["born_on"][0].as_py(), told["sex"][0].as_py()


def _filled(found: pa.Table, ids: Iterable[int | None], method: str, score: float | None = None) -> pa.Table:
    """The rows with a subject, method and score where they had none and `ids` has one."""
    given = pa.array(ids, pa.int64())
    fresh = pc.and_(pc.is_null(found["subject_id"]), pc.is_valid(given))
    columns = {
        "subject_id": given,
        "method": pa.scalar(method),
        "score": pa.scalar(link.CERTAIN if score is None else score),
    }
    for name, value in columns.items():
        place = found.schema.get_field_index(name)
        found = found.set_column(place, name, pc.if_else(fresh, value, found[name]))
    return found


# --- the model -----------------------------------------------------------------------------------------


class Matcher:
    """Proposes subjects for rows that have no identifier at all; without a model it proposes nobody."""

    def __init__(self, con: "ibis.BaseBackend", run: Run, source: Source) -> None:
        self.con, self.run, self.source = con, run, source
        self.model = link_model.current() if source.about == "person" else None
        self.doubts: list[Doubt] = []

    def take(self, found: pa.Table) -> pa.Table:
        """The rows with the subjects that the model is sure of; those in the grey zone are kept as doubts."""
        if self.model is None:
            return found
        blank = pc.is_null(found["subject_id"])
        for name in self.source.identifiers:
            blank = pc.and_(blank, pc.is_null(found[link.key_of(self.source, name)]))
        asked = found.filter(blank)
        if not asked.num_rows:
            return found
        rows, population = row_features(asked, self.source), register.size("person")
        links: dict[int, tuple[int, float]] = {}
        for start in range(0, rows.num_rows, ASKED_AT_ONCE):
            some = rows.slice(start, ASKED_AT_ONCE)
            sure, doubts = sorted_out(
                candidates(self.con, self.run, some, self.model, population), self.model
            )
            links |= sure
            self.doubts += doubts
        return _modelled(found, links, f"{MODEL}:{self.model.version}")


def row_features(rows: pa.Table, source: Source) -> pa.Table:
    """`id` (the row number) and FEATURES of rows about people, from the columns that say them."""
    said = link.said_by(source)
    where = {"name": "name", "birth": "birth_date", "sex": "sex", "phone": "phone", "address": "home_address"}
    plain = {
        field.name: (
            rows[said[where[field.name]]].cast(field.type)
            if where[field.name] in said
            else pa.nulls(rows.num_rows, field.type)
        )
        for field in PLAIN
    }
    return features(pa.table(plain)).add_column(0, "id", rows["row"].cast(pa.int64()))


def candidates(con: "ibis.BaseBackend", run: Run, rows: pa.Table, model: Model, population: int) -> pa.Table:
    """The engine's candidates of rows in the register, read only where they share a blocking key with a row."""
    people = register.register(con).rename(id="subject_id", identity=link.KEY)
    touched = run(touched_by(people, ibis.memtable(rows.select(["id", *FEATURES.names]))))
    return linkage.candidates(rows, touched, model, population)


def touched_by(people: ibis.Table, rows: ibis.Table) -> ibis.Table:
    """The people who agree with some row on all columns of some blocking rule, each once.

    A key that more than BLOCK_MAX of them share is left out, because the engine would skip it.
    """
    there, asked = _with_parts(people), _with_parts(rows)
    hits = []
    for rule in linkage.RULES:
        keys = asked.select(*rule).drop_null(list(rule)).distinct()
        met = there.semi_join(keys, list(rule)).select("id", *rule)
        shared = met.group_by(list(rule)).agg(people=lambda some: some.count())
        hits.append(met.semi_join(shared.filter(shared.people <= linkage.BLOCK_MAX), list(rule)).select("id"))
    ids = reduce(ibis.union, hits).distinct()
    return people.semi_join(ids, "id").order_by("id")


def _with_parts(table: ibis.Table) -> ibis.Table:
    """The columns that blocking rules name and a register does not hold: parts of the birth date, the given name."""
    after = table.name.substr(table.surname.length()).nullif("")
    return table.mutate(
        year=table.birth.year(), month=table.birth.month(), day=table.birth.day(), given=after
    )


def sorted_out(
    pairs: pa.Table, model: Model, accept: float | None = None
) -> tuple[dict[int, tuple[int, float]], list[Doubt]]:
    """What the best candidates mean: `{left: (right, score)}` to link, and doubts, whose `row` is the left id.

    `accept` is the score from which nobody needs to look, the model's own unless given.
    """
    sure = model.accept if accept is None else accept
    links: dict[int, tuple[int, float]] = {}
    best: dict[int, dict[str, Any]] = {}
    others: dict[int, list[dict[str, Any]]] = {}
    for pair in pairs.to_pylist():  # by left id and rank
        left, right, score = pair["left_id"], pair["right_id"], pair["score"]
        if pair["rank"] == 1 and score >= sure:
            links[left] = (right, score)
        elif pair["rank"] == 1 and score >= model.review:
            best[left] = pair
        elif left in best and len(others.setdefault(left, [])) < OTHERS:
            others[left].append(pair)
    doubts = []
    for left, pair in best.items():
        further = tuple(doubt_of(one, model, row=left) for one in others.get(left, ()))
        doubts.append(doubt_of(pair, model, row=left, others=further))
    return links, doubts


def doubt_of(pair: dict[str, Any], model: Model, **which: Any) -> Doubt:
    """A pair of the engine as a doubt, with what agrees: level and number of levels of each comparison."""
    shown = {name: found for name, found in KEYS.items() if name != "source"}
    agreement = {
        name: (-1 if pair[name] is None else pair[name], len(found)) for name, found in shown.items()
    }
    told = {"right": pair["right_id"], "score": pair["score"], "model": model.version}
    return Doubt(agreement=agreement, **told, **which)


def _modelled(found: pa.Table, links: dict[int, tuple[int, float]], method: str) -> pa.Table:
    if not links:
        return found
    rows = found["row"].to_pylist()
    ids = [links[row][0] if row in links else None for row in rows]
    scores = pa.array([links[row][1] if row in links else None for row in rows], pa.float64())
    done = _filled(found, ids, method)
    place = done.schema.get_field_index("score")
    return done.set_column(place, "score", pc.if_else(pc.is_valid(scores), scores, done["score"]))
