"""How much each finding weighs, and the estimate of those weights from the records themselves."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import log2
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from .columns import coded
from .findings import COMPARISONS, HOUSEHOLD, KEYS, KEYS_SHARED, RELATED, agreeing

if TYPE_CHECKING:  # Splink costs a web process a second and 50 MB that only a worker makes use of
    from splink import Linker
    from splink.comparison_library import CustomComparison
    from splink.internals.comparison_creator import ComparisonCreator

MEMORY, THREADS = "6GB", 2
NAMES_KEPT = 20_000
MOST_TAKEN_BACK = 25.0
LEAST_M = 1e-4  # what never happened in the sample still happens: a sex typed wrong, a name changed


# Where m is read: pairs that agree on two other fields are nearly all of one person, so that what the rest shows is how
# records of one person differ. Blocking on a phone alone would count families as people who change their names.
SESSIONS = (("phone", "birth"), ("phone", "name"), ("pinyin", "birth"))
SURE = (("name", "birth"), ("phone", "birth"), ("pinyin", "room"))
SURE_RECALL = 0.9  # of the pairs of one person those three rules find about this share
Rates = dict[str, dict[str, tuple[float, float]]]


@dataclass(frozen=True)
class Model:
    """The weights of a linkage: how often each finding holds of one person (m) and of strangers (u), and how often names are."""

    rates: Rates  # comparison -> finding (and "else") -> (m, u)
    partners: float  # how many other records of its person a record has, on average
    once: bool  # a person is at most once in a source
    household: Mapping[
        str, float
    ]  # bits taken back where phone and room, phone and building, home and surname agree
    names: Mapping[str, float]  # the frequent names -> share of the records
    rare: float  # the share of any other name
    accept: float = 0.9  # of `link` and `candidates`: the score from which nobody needs to look
    review: float = 0.3  # from which a person looks
    join: float = 5.0  # of `dedupe`: bits from which two records are joined
    v: int = 1
    version: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        said = {name: value for name, value in asdict(self).items() if name != "version"}
        text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        object.__setattr__(self, "version", sha256(text.encode()).hexdigest()[:16])

    def dumps(self) -> str:
        """The model as JSON, with its version (a hash of the rest)."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @staticmethod
    def loads(text: str) -> Model:
        """The model of a JSON text; ValueError when it is not the one that its version names."""
        said = json.loads(text)
        rates = {
            name: {key: (rate[0], rate[1]) for key, rate in found.items()}
            for name, found in said["rates"].items()
        }
        model = Model(**(said | {"rates": rates}))
        if model.version != said["version"]:
            raise ValueError(f"the linkage model says version {said['version']} and is {model.version}")
        return model

    def weights(self) -> dict[str, dict[str, float]]:
        """The same as bits: log2(m / u) of each finding."""
        return {
            name: {key: log2(m / u) for key, (m, u) in found.items()} for name, found in self.rates.items()
        }


def connected(records: pa.Table) -> duckdb.DuckDBPyConnection:
    """A database in memory with the coded `records`."""
    con = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
    con.execute("set enable_progress_bar = false")
    con.register("given_records", records)
    con.execute("create table records as select * from given_records")
    con.unregister("given_records")
    return con


def train(records: pa.Table, names_kept: int = NAMES_KEPT) -> Model:
    """The model of records of which nobody knows who is who: u counted exactly, m by Splink's EM; always the same."""
    from splink import block_on

    con = connected(coded(records))
    with quiet():
        linker = linker_of(con, untrained(con), dict.fromkeys(KEYS_SHARED, 0.0), prior=0.5)
        linker.training.estimate_probability_two_random_records_match(
            [block_on(*rule) for rule in SURE], recall=SURE_RECALL
        )
        for rule in SESSIONS:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*rule), estimate_without_term_frequencies=True
            )
    found = linker.misc.save_model_to_json()
    prior = float(found["probability_two_random_records_match"])
    rates = _rates(found, prior) | _unknown(con)
    names, rare = _names(con, names_kept)
    same = rates["source"]["same"]
    return Model(
        rates=rates,
        partners=_rounded(prior * (records.num_rows - 1)),
        household=_household(con, rates, prior),
        once=same[0] < same[1] / 50,
        names=names,
        rare=rare,
    )


def _rates(found: dict[str, Any], prior: float) -> Rates:
    """m and u of Splink's model; u without the pairs of one person that were counted with the strangers."""
    rates: Rates = {}
    for comparison in found["comparisons"]:
        name = comparison["output_column_name"]
        if name not in COMPARISONS:
            continue
        known = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        rates[name] = {}
        for key, level in zip(KEYS[name], known, strict=True):
            u = level["u_probability"]
            m = max(level.get("m_probability") or 0.0, LEAST_M if name != "source" else 1e-6)
            rates[name][key] = (_rounded(m), _rounded(max(u - prior * m, u / 10)))
    return rates


def _unknown(con: duckdb.DuckDBPyConnection) -> Rates:
    """A field that no record has says nothing, should one have it later."""
    empty = [
        name
        for name, (null, _) in COMPARISONS.items()
        if con.execute(f"select count({null}) from records").fetchone() == (0,)
    ]
    return {name: dict.fromkeys(KEYS[name], (0.5, 0.5)) for name in empty}


def _household(con: duckdb.DuckDBPyConnection, rates: Rates, prior: float) -> dict[str, float]:
    """log2 of how much oftener strangers agree on two of phone, home and surname than if one had nothing to do with the other."""
    phone, home = rates["phone"]["exact"], rates["address"]["room"]
    house = _sum(home, rates["address"]["building"])
    some = rates["name"]
    surname = _sum(*(some[key] for key in ("exact", "homophone", "one_character", "surname")))
    sibling = (
        f"{agreeing('room', 'surname', 'first')} + {agreeing('room', 'surname', 'rest')} "
        f"- {agreeing('room', 'surname', 'first', 'rest')} - {agreeing('room', 'name')}"
    )
    found = {}
    for key, known, shared, one, other in (
        ("room", "phone", agreeing("phone", "room"), phone, home),
        ("building", "phone", agreeing("phone", "building"), phone, house),
        ("sibling", "surname", sibling, home, some["one_character"]),
        ("kin", "surname", agreeing("room", "surname"), home, surname),
    ):
        row = con.execute(
            f"select count(*)::double, {shared} from records where road is not null and {known} is not null"
        ).fetchone() or (0, 0)
        share = max(row[1], 0) / max(row[0] * (row[0] - 1) / 2, 1)
        strangers = max(share - prior * one[0] * other[0], share / 10)
        bits = log2(strangers / (one[1] * other[1])) if share else 0.0
        found[key] = _rounded(min(max(bits, 0.0), MOST_TAKEN_BACK))
    return found


def _sum(*rates: tuple[float, float]) -> tuple[float, float]:
    return sum(m for m, _ in rates), sum(u for _, u in rates)


def _rounded(value: float) -> float:
    """Six digits: sums in another order differ in the fifteenth."""
    return float(f"{value:.6g}")


def _names(con: duckdb.DuckDBPyConnection, most: int) -> tuple[dict[str, float], float]:
    counts = con.execute(
        "select text, count(*) n from records where text is not null group by text order by n desc, text"
    ).fetchall()
    total = sum(n for _, n in counts) or 1
    kept = {name: _rounded(n / total) for name, n in counts[:most]}
    others = counts[most:]
    rare = sum(n for _, n in others) / len(others) if others else 1.0
    return kept, _rounded(rare / total)


def untrained(con: duckdb.DuckDBPyConnection) -> Rates:
    """m not known (nan), u counted: the share of all pairs of `records` that show each finding."""
    found: Rates = {}
    for name, (null, some) in COMPARISONS.items():
        counts = ", ".join(f"{level.pairs} as {level.key}" for level in some)
        row = con.execute(f"select (select count({null}) from records)::double, {counts}").fetchone() or ()
        total = max(row[0] * (row[0] - 1) / 2, 1)
        # A finding that no pair shows is not impossible: half a pair.
        shares = [max(count, 0.5) / total for count in row[1:]]
        rest = max(1 - sum(shares), 0.5 / total)
        found[name] = {
            key: (float("nan"), min(u, 0.999)) for key, u in zip(KEYS[name], [*shares, rest], strict=True)
        }
    return found


def linker_of(
    con: duckdb.DuckDBPyConnection, rates: Rates, household: Mapping[str, float], prior: float
) -> Linker:
    """Splink over `records` with these rates; m that is nan is to be estimated."""
    import splink.comparison_level_library as levels
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink.comparison_library import CustomComparison

    comparisons: list[ComparisonCreator | dict[str, Any]] = []
    for name, (null, some) in COMPARISONS.items():
        made: list[Any] = [levels.NullLevel(null)]
        made.extend(levels.CustomLevel(level.when, level.key) for level in some)
        made.append(levels.ElseLevel())
        for level_, key in zip(made[1:], KEYS[name], strict=True):
            m, u = rates[name][key]
            known = {} if m != m else {"m_probability": m}
            level_.configure(u_probability=u, fix_u_probability=True, **known)
        if name == "name":
            made[1].configure(tf_adjustment_column="name")
            made[2].configure(tf_adjustment_column="pinyin", disable_tf_exact_match_detection=True)
        comparisons.append(CustomComparison(output_column_name=name, comparison_levels=made))
    comparisons.append(_taken_back(household))
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="row",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on("phone")],
        probability_two_random_records_match=prior,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
    )
    api = DuckDBAPI(connection=con)
    return Linker(api.register("records"), settings, log_level=None)


def _taken_back(household: Mapping[str, float]) -> CustomComparison:
    """The comparison `household`: minus so many bits, given as rates whose ratio is that."""
    import splink.comparison_level_library as levels
    from splink.comparison_library import CustomComparison

    found = [
        (f"{when} and {who}" if who else when, household.get(key, 0.0) + household.get(relation, 0.0))
        for key, when in HOUSEHOLD
        for relation, who in (*RELATED, ("", ""))
        if key or relation
    ]
    shared = " or ".join(f"({condition})" for condition, _ in found)
    made: list[Any] = [levels.CustomLevel(f"({shared}) is not true", "apart").configure(is_null_level=True)]
    least = 2.0 ** (-2 * MOST_TAKEN_BACK - 1)
    rest = (levels.ElseLevel(), 0.0)
    for level, bits in (*((levels.CustomLevel(condition), bits) for condition, bits in found), rest):
        level.configure(
            m_probability=least,
            u_probability=2.0**bits * least,
            fix_m_probability=True,
            fix_u_probability=True,
        )
        made.append(level)
    return CustomComparison(output_column_name="household", comparison_levels=made)


@contextmanager
def quiet() -> Iterator[None]:
    """Splink tells its progress at every step; ours is told by the caller."""
    log = logging.getLogger("splink")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
