"""Gives each row its subject: by the keyed hash of the identity number, else by name, birth date and phone together."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base.events import emit
from liangwang.base.models import Person, Subject

from .contract import Checked
from .declare import Source
from .models import Merge

LOOK_UP_MAX = 5_000  # above this many different people the whole register is read once instead
IDENTITY, NAME_BIRTH_PHONE = "identity", "name_birth_phone"


@dataclass(frozen=True)
class Links:
    """The subject of each row (null: not linked) and how it was found."""

    subject_ids: pa.Array
    methods: pa.Array

    @property
    def linked(self) -> int:
        return len(self.subject_ids) - int(self.subject_ids.null_count)


def links(checked: Checked, source: Source, hashes: dict[str, pa.Array], good: pa.Array) -> Links | None:
    """Links the good rows of a batch; None for a source that is not about people.

    A row with an identity number is linked by it or not at all: a number that nobody has is another person.
    """
    named = {column.type: name for name, column in source.columns.items() if not column.says}
    said = {column.says: name for name, column in source.columns.items() if column.says}
    identity = said.get("identity_number") or named.get("identity")
    if identity is None:
        return None
    ids = _by_identity(hashes[identity])
    methods = np.full(len(ids), IDENTITY, dtype=object)
    methods[np.isnan(ids)] = None
    name, birth, phone = said.get("name"), said.get("birth_date"), said.get("phone")
    if name and birth and phone:
        blank = np.asarray(pc.is_null(hashes[identity]))
        columns = (checked.columns[name].filter(good), checked.columns[birth].filter(good), hashes[phone])
        for index, found in _by_name(columns, blank).items():
            ids[index], methods[index] = found, NAME_BIRTH_PHONE
    return Links(pa.array(ids, pa.int64(), from_pandas=True), pa.array(methods.tolist(), pa.string()))


def _by_identity(blinds: pa.Array) -> np.ndarray:
    """Subject ids as float64[n], NaN where nobody has the number."""
    codes = pc.dictionary_encode(blinds)
    words = codes.dictionary.to_pylist()
    register = _register(words)
    values = np.array([register.get(word, np.nan) for word in words] + [np.nan])
    index = np.asarray(pc.fill_null(codes.indices, len(words)))
    return values[index] if len(index) else np.empty(0)


def _register(blinds: list[str]) -> dict[str, int]:
    rows = Person.objects.all()
    if len(blinds) <= LOOK_UP_MAX:
        found: dict[str, int] = {}
        for start in range(0, len(blinds), 500):
            some = rows.filter(identity_blind__in=blinds[start : start + 500])
            found.update(
                (str(blind), subject) for blind, subject in some.values_list("identity_blind", "subject_id")
            )
    else:
        everybody = rows.exclude(identity_blind=None).values_list("identity_blind", "subject_id")
        found = {str(blind): subject for blind, subject in everybody.iterator(chunk_size=50_000)}
    return _through_merges(found)


def _through_merges(found: dict[str, int]) -> dict[str, int]:
    """Subjects that were merged are read as the one that was kept."""
    merged = dict(Subject.objects.exclude(merged_into=None).values_list("id", "merged_into_id"))
    if not merged:
        return found
    return {blind: _kept(subject, merged) for blind, subject in found.items()}


def _kept(subject: int, merged: dict[int, int]) -> int:
    while subject in merged:
        subject = merged[subject]
    return subject


def _by_name(columns: tuple[pa.Array, pa.Array, pa.Array], blank: np.ndarray) -> dict[int, int]:
    """Row index -> subject for rows without an identity number of which exactly one person fits."""
    names, births, phones = (column.to_pylist() for column in columns)
    wanted: dict[tuple[str, date, str], list[int]] = {}
    for index in np.flatnonzero(blank).tolist():
        if names[index] and births[index] and phones[index]:
            wanted.setdefault((names[index], births[index], phones[index]), []).append(index)
    by_phone = sorted({phone for _, _, phone in wanted})
    people: dict[tuple[str, date, str], list[int]] = {}
    for start in range(0, len(by_phone), 500):
        some = Person.objects.filter(phone_blind__in=by_phone[start : start + 500])
        for name, birth, phone, subject in some.values_list("name", "birth_on", "phone_blind", "subject_id"):
            people.setdefault((name, birth, str(phone)), []).append(subject)
    return {
        index: people[key][0]
        for key, rows in wanted.items()
        if len(people.get(key, ())) == 1
        for index in rows
    }


def merge_subjects(kept: Subject, merged: Subject, *, method: str, at: datetime) -> Merge:
    """Records that two subjects are one; ids are not reused, readers follow the alias. Inside a transaction."""
    if kept.pk == merged.pk or kept.kind != merged.kind:
        raise ValueError("two different subjects of one kind are merged")
    Subject.objects.filter(pk=merged.pk).update(merged_into=kept, ended_at=at)
    row = Merge.objects.create(kept=kept, merged=merged, kind="merge", method=method, at=at)
    emit("subject.merged", kept.ref, at, {"merged": merged.ref}, key=f"subject.merged/{row.pk}")
    return row
