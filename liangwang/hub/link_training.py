"""Trains the model of links off-line, from people and rows that the hub holds: only weights and frequencies leave."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import ibis
import pyarrow as pa

from liangwang.base import audit, clock
from liangwang.base.hats import platform
from liangwang.base.packs import Declared
from liangwang.base.transactions import write
from liangwang.engines import linkage

from . import inbox, link, link_model, register, store, vault
from .features import FEATURES, PLAIN, features
from .models import Partition
from .schema import rows_schema
from .sources import is_emergency, sources

REGISTER = "register"
CLEAR = {"name": "name", "birth": "birth_date", "sex": "sex"}  # as compared -> the attribute that says it
SEALED = {"phone": "phone", "address": "home_address"}
FEWEST = 1_000  # records below which weights are chance


def main(args: Namespace) -> int:
    """`liangwang train-links`: trains and puts in force, or puts a model file in force, or none (`--off`)."""
    if args.off:
        link_model.switch_off()
        sys.stdout.write("✓ 不再用模型关联 · nobody is linked by a model\n")
        return 0
    try:
        model = _read(Path(args.file)) if args.file else _trained(args.records)
    except Exception as fault:  # the engine has its own reasons: too few pairs that agree, no convergence
        words = str(fault).partition("\n")[0]
        sys.stdout.write(f"没有训练成 · no model was trained: {words}\n")
        return 1
    sys.stdout.write(f"✓ {link_model.put_in_force(model)}\n")
    return 0


def _read(path: Path) -> linkage.Model:
    return linkage.Model.loads(path.read_text(encoding="utf-8"))


def _trained(most: int) -> linkage.Model:
    records = sample(most, clock.now())
    if records.num_rows < FEWEST:
        raise ValueError(f"至少要 {FEWEST} 条记录，现有 {records.num_rows} 条 · {FEWEST} records are needed")
    return linkage.train(records)


def sample(most: int, at: datetime) -> pa.Table:
    """About `most` records of some people: of the register and of the rows of routine sources that are linked to them.

    Whole people are taken or left, because what is learned is how records of one person differ. Emergency packs'
    rows serve their order only.
    """
    con = store.connect()
    declared = [one for one in sources() if one.value.about == "person" and not is_emergency(one.pack)]
    held = [
        (one, part) for one in declared for part in store.in_force(Partition.Kind.ROWS, one.pack, one.key)
    ]
    every = max(1, -(-(register.size("person") + sum(part.rows for _, part in held)) // most))
    people = register.register(con)
    people = people.filter(people.subject_id % every == 0)
    known = con.to_pyarrow(people.select(identity=people[link.KEY], **{n: people[n] for n in FEATURES.names}))
    found = [known.append_column("source", pa.array([REGISTER] * known.num_rows))]
    for one, part in held:
        found += _rows(con, one, part, every, at)
    whole = pa.concat_tables(found, promote_options="default").combine_chunks()
    return whole.append_column("id", pa.array(range(whole.num_rows), pa.int64()))


def _rows(
    con: "ibis.BaseBackend", one: Declared, part: Partition, every: int, at: datetime
) -> Iterator[pa.Table]:
    """The rows of one batch about the people taken, as the engine compares them; opening the vault is on record."""
    said = link.said_by(one.value)
    if "name" not in said or part.batch is None:
        return
    rows = store.scan(con, [part], rows_schema(one.value))
    rows = rows.filter(rows.subject_id % every == 0).order_by("row")
    table = con.to_pyarrow(rows)
    closed = vault.vault_of(part.batch)
    if not table.num_rows:
        return
    numbers = table["row"].to_pylist()
    texts = vault.open_rows(closed, numbers) if closed else {}
    with write():
        body = {"rows": len(numbers), "for": "train-links"}
        audit.record(platform(one.pack), "read", inbox.thing(part.batch), at=at, body=body)
    sealed = {
        name: [texts.get(row, {}).get(said.get(says, "")) for row in numbers] for name, says in SEALED.items()
    }
    clear = {
        name: table[said[says]] if says in said else pa.nulls(len(numbers)) for name, says in CLEAR.items()
    }
    compared = features(pa.table({**clear, **sealed}).select(PLAIN.names).cast(PLAIN))
    compared = compared.append_column("source", pa.array([one.ref] * len(numbers)))
    number = next(iter(one.value.identifiers), None)
    key = table[link.key_of(one.value, number)] if number else pa.nulls(len(numbers), pa.string())
    yield compared.append_column("identity", key)
