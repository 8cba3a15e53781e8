"""What the registers have of the named people: each pack's `demo.py` says it, and it is dropped as a file like any delivery."""

import csv
import importlib.util
import io
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from liangwang.base.models import Company, Party, Person
from liangwang.base.packs import packs
from liangwang.base.subjects import unseal_field
from liangwang.base.working_days import local_day
from liangwang.hub import drop
from liangwang.hub.models import Batch
from liangwang.hub.sources import source_of

FILE = "demo-named.csv"
SINCE = timedelta(days=2)  # fresh everywhere, and before today in every zone


def load_registers(at: datetime) -> int:
    """Drops one file for each source that knows a named person; what was delivered once is not again. Returns how many rows."""
    told = 0
    for pack in packs():
        made = _module(pack.key, pack.path / "demo.py")
        for source, people in getattr(made, "NAMED", {}).items():
            if not _delivered(pack.key, source):
                told += _deliver(f"{pack.key}:{source}", people, at)
    return told


def _delivered(pack: str, source: str) -> bool:
    """Whether the file waits in its folder, or was taken and not refused."""
    mine = Batch.objects.filter(pack=pack, source=source, name=FILE).exclude(state=Batch.State.REFUSED)
    return (drop.folder(source_of(f"{pack}:{source}")) / FILE).exists() or mine.exists()


def _module(key: str, path: Path) -> ModuleType | None:
    """A pack's `demo.py`; None where it has none."""
    spec = importlib.util.spec_from_file_location(f"{key}_demo", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        return None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _deliver(ref: str, people: dict[str, dict[str, str]], at: datetime) -> int:
    declared = source_of(ref)
    about_company = getattr(declared.value, "about", "person") == "company"
    rows = []
    for number, (login, said) in enumerate(people.items(), 1):
        party = Party.objects.filter(login_name=login).first()
        if party is None or party.subject_id is None:
            continue
        who = _company(party.subject_id) if about_company else _person(party.subject_id)
        rows.append(_row(declared.value.columns, {**who, **said}, f"demo-{number:04d}", at))
    if not rows:
        return 0
    drop.open_folders()
    fresh = drop.folder(declared) / f".{FILE}"
    fresh.write_bytes(_sheet(rows))
    fresh.replace(fresh.with_name(FILE))  # a file appears whole or not at all
    return len(rows)


def _person(subject_id: int) -> dict[str, str]:
    one = Person.objects.select_related("home").get(pk=subject_id)
    address = unseal_field(one, "address") or ""
    identity = unseal_field(one, "identity") or ""
    return {
        "identity": identity, "identity_number": identity, "name": one.name, "sex": one.sex,
        "birth_date": one.birth_on.isoformat(), "phone": unseal_field(one, "phone") or "",
        "address": address, "household_address": address, "committee": one.home.code if one.home else "",
    }  # fmt: skip


def _company(owner_id: int) -> dict[str, str]:
    """The company of a named person."""
    one = Company.objects.select_related("legal_person__person", "place").get(legal_person_id=owner_id)
    owner = one.legal_person
    return {
        "credit_code": one.credit_code, "company": one.name, "legal_person": owner.person.name if owner else "",
        "address": unseal_field(owner.person, "address") or "" if owner else "",
    }  # fmt: skip


def _row(columns: dict[str, Any], said: dict[str, str], number: str, at: datetime) -> dict[str, str]:
    """One value for each column: what is said, a number of its own for a key, the day of the register for a date."""
    day = (local_day(at) - SINCE).isoformat()
    found = {}
    for name, column in columns.items():
        usual = {"date": day, "text": number}.get(column.type, "")
        found[name] = said.get(name, "" if column.optional else usual)
    return found


def _sheet(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
