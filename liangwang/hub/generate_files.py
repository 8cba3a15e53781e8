"""`liangwang generate-records`: a folder of invented deliveries, the register that they are about, and their truth."""

import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from django.conf import settings

from liangwang.base import clock
from liangwang.base.packs import Declared
from liangwang.base.places import city_settings
from liangwang.base.working_days import local_day

from .declare import Source
from .generate import CHUNK, Recipe, made, most_rows
from .generate_people import People, texts
from .sources import source_of, sources

PLACE_FILES = {"district": "districts.csv", "street": "streets.csv", "neighbourhood": "committees.csv"}
FORMATS = ("parquet", "csv")


def main(
    people: int, rows: int, seed: int, out: str, source: Sequence[str] = (), formats: Sequence[str] = FORMATS
) -> int:
    """The command: writes `rows` rows spread over the sources, and tells what it wrote."""
    chosen = [source_of(name) for name in source] or sources()
    recipe = recipe_of(people, seed, local_day(clock.now()))
    folder = Path(out)
    began = time.process_time()
    counts = write_all(folder, chosen, rows, recipe, formats)
    write_register(folder / "people.parquet", recipe.people)
    used = time.process_time() - began
    for ref, count in counts.items():
        sys.stdout.write(f"{ref:<48}{count:>12,}\n")
    total = sum(counts.values())
    sys.stdout.write(f"{total:,} 行，{people:,} 人 · rows and people in {folder}, {used:.1f} CPU-s\n")
    return 0


def recipe_of(people: int, seed: int, today: date) -> Recipe:
    """What deliveries of this city are made from: its division codes, and a division that nobody has."""
    division = city_settings(settings.CITY_DIR)["demo"]["division"]
    codes = {level: _codes(settings.CITY_DIR / name) for level, name in PLACE_FILES.items()}
    every = [code for level in codes.values() for code in level]
    return Recipe(People(people, seed, division), seed, today, lambda level: codes[level] if level else every)


def _codes(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return [row["code"] for row in csv.DictReader(lines)]


def write_all(
    folder: Path, chosen: Sequence[Declared], rows: int, recipe: Recipe, formats: Sequence[str] = FORMATS
) -> dict[str, int]:
    """One delivery of each source in each format under `folder`, truths in `folder/truth`; rows by `pack:source`."""
    counts = shares(chosen, rows, recipe.people)
    for one in chosen:
        write_source(folder, one, counts[one.ref], recipe, formats)
    (folder / "made.json").write_text(
        json.dumps({"seed": recipe.seed, "people": recipe.people.size, "rows": counts}, indent=1)
    )
    return counts


def shares(chosen: Sequence[Declared], rows: int, people: People) -> dict[str, int]:
    """The rows of each source: equal, but never more than the source has subjects where it names each once."""
    counts: dict[str, int] = {}
    left = sorted(chosen, key=lambda one: (most_rows(one.value, people) or sys.maxsize, one.ref))
    for number, one in enumerate(left):
        share = -(-(rows - sum(counts.values())) // (len(left) - number))
        counts[one.ref] = min(share, most_rows(one.value, people) or share)
    return counts


def write_source(
    folder: Path, one: Declared, rows: int, recipe: Recipe, formats: Sequence[str] = FORMATS
) -> None:
    """One delivery: the office's file in each format, and `truth/<pack>.<source>.parquet`, a piece at a time."""
    source: Source = one.value
    name = f"{one.pack}.{one.key}"
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    heads = pa.schema([pa.field(column.label["zh"], pa.string()) for column in source.columns.values()])
    writers: list[pq.ParquetWriter | pacsv.CSVWriter] = []
    if "parquet" in formats:
        writers.append(pq.ParquetWriter(folder / f"{name}.parquet", heads, compression="zstd"))
    if "csv" in formats:
        writers.append(pacsv.CSVWriter(folder / f"{name}.csv", heads))
    truth: pq.ParquetWriter | None = None
    try:
        for piece in made(source, rows, recipe, CHUNK):
            truth = truth or pq.ParquetWriter(folder / "truth" / f"{name}.parquet", piece.truth.schema)
            truth.write_table(piece.truth)
            for writer in writers:
                writer.write_table(piece.rows.rename_columns(heads.names))
    finally:
        for writer in (*writers, truth):
            if writer is not None:
                writer.close()


def write_register(path: Path, people: People) -> None:
    """The register as one Parquet file: subject_id, identity, name, sex, birth_on, phone, address."""
    writer: pq.ParquetWriter | None = None
    try:
        for piece in register(people):
            writer = writer or pq.ParquetWriter(path, piece.schema, compression="zstd")
            writer.write_table(piece)
    finally:
        if writer is not None:
            writer.close()


def register(people: People, chunk: int = CHUNK) -> Iterator[pa.Table]:
    """The register in pieces, by subject id."""
    for start in range(0, people.size, chunk):
        who = np.arange(start, min(start + chunk, people.size))
        yield pa.table(
            {
                "subject_id": pa.array(who + people.first),
                "identity": texts(people.identities(who)),
                "name": people.names(who),
                "sex": pc.if_else(pa.array(people.women(who)), "f", "m"),
                "birth_on": pa.array(people.births(who), pa.date32()),
                "phone": texts(people.phones(who)),
                "address": people.addresses(who),
            }
        )
