"""Weighs pairs of records with Splink, and says what may never be one person."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from .findings import COMPARISONS
from .model import Model, linker_of, quiet

PARTS = (*COMPARISONS, "household")
# What two records of one person cannot show, whatever else agrees: families share a phone, a home and a surname, so that
# the fields, each taken as independent of the others, would make them one. A name is unlike when no character of it is in
# its place and it sounds otherwise; of 李伟 and 李强, born on one day, one may still be misread.
UNLIKE = (
    "(a.given <> b.given and a.pinyin <> b.pinyin"
    " and coalesce(not (a.surname = b.surname and (a.first = b.first or a.rest = b.rest"
    " or a.rest is null and a.first = b.rest or b.rest is null and b.first = a.rest)), true))"
)
MISREAD = "(a.surname = b.surname and a.birth = b.birth and (a.rest is null or b.rest is null))"
OTHER_BIRTH = "(a.year <> b.year and not (a.month = b.month and a.day = b.day))"
BIRTHS_HOLD = (
    0.005  # where fewer pairs of one person have wholly different births, such births are of two people
)
ONE_SOURCE = "coalesce(a.source = b.source, false)"


def contradiction(model: Model) -> str:
    """SQL over the records `a` and `b`: they cannot be one person."""
    hold = model.rates["birth"]["else"][0] < BIRTHS_HOLD
    rules = [
        "coalesce(a.identity <> b.identity, false)",
        f"coalesce({UNLIKE}, false) and not coalesce({MISREAD}, false)",
        f"coalesce({OTHER_BIRTH}, false)" + ("" if hold else " and coalesce(a.pinyin <> b.pinyin, true)"),
        *([ONE_SOURCE] if model.once else []),
    ]
    return " or ".join(rules)


def weigh(
    con: duckdb.DuckDBPyConnection, model: Model, prior: float, into: str, floor: float | None = None
) -> None:
    """Makes the table `into(l, r, w, w_name … w_household)` from `pairs`: bits for one person, in all and by comparison.

    `w` has the prior in it and is at least `floor`; a comparison with an unknown is null. Needs `frequencies_…`.
    """
    with quiet():
        linker = linker_of(con, model.rates, model.household, prior)
        api = linker._db_api  # the connection's own; Splink 5 has no public name for it
        con.execute(
            "create or replace table blocked_pairs as select '0' as match_key, l as join_key_l, r as join_key_r from pairs"
        )
        for name in ("name", "pinyin"):
            table = api.register(f"frequencies_{name}")
            linker.table_management.register_term_frequency_lookup(table, name)
        linker.table_management.register_blocked_pairs_for_predict(api.register("blocked_pairs"))
        found = linker.inference.predict(threshold_match_weight=floor, warning_mode="never")
    parts = ", ".join(
        f"mw_{name}{' + mw_tf_adj_name' if name == 'name' else ''} as w_{name}" for name in PARTS
    )
    con.execute(
        f"create or replace table {into} as "
        f"select row_l as l, row_r as r, match_weight as w, {parts} from {found.physical_name}"
    )
    con.execute(f"drop table {found.physical_name}")


def frequencies(con: duckdb.DuckDBPyConnection, model: Model, counted: str | None) -> None:
    """Makes `frequencies_name`, `frequencies_pinyin`: counted in the rows where `counted` holds, else as the model knows.

    The model knows the frequent names only; readings are as frequent as the names of the rows that have them, together.
    """
    if counted:
        for name in ("name", "pinyin"):
            con.execute(
                f"create or replace table frequencies_{name} as "
                f"select {name}, count(*) / sum(count(*)) over () as tf_{name} "
                f"from records where {name} is not null and {counted} group by {name}"
            )
        return
    known = pa.table({"text": list(model.names), "share": list(model.names.values())})
    con.register("model_names", known.cast(pa.schema([("text", pa.string()), ("share", pa.float64())])))
    con.execute(
        "create or replace table frequencies_name as "
        f"select name, coalesce(any_value(share), {model.rare}) as tf_name, any_value(pinyin) as pinyin "
        "from records left join model_names using (text) where name is not null group by name"
    )
    con.execute(
        "create or replace table frequencies_pinyin as select pinyin, sum(tf_name) as tf_pinyin "
        "from frequencies_name where pinyin is not null group by pinyin"
    )
    con.execute("alter table frequencies_name drop column pinyin")
    con.unregister("model_names")


def agreement(left: str = "a", right: str = "b") -> str:
    """SQL: one column a comparison, 0 = differs up to the number of its findings = the finest; null = one is unknown."""
    return ", ".join(_finding(name, left, right) for name in COMPARISONS)


def _finding(name: str, left: str, right: str) -> str:
    null, some = COMPARISONS[name]
    cases = " ".join(
        f"when {_sides(level.when, left, right)} then {len(some) - number}"
        for number, level in enumerate(some)
    )
    return f"(case when {left}.{null} is null or {right}.{null} is null then null {cases} else 0 end)::tinyint as {name}"


def _sides(condition: str, left: str, right: str) -> str:
    """`birth_l = birth_r` as `a.birth = b.birth`."""
    words = condition.replace("(", "( ").replace(")", " )").split()
    sided = [
        f"{left}.{word[:-2]}"
        if word.endswith("_l")
        else f"{right}.{word[:-2]}"
        if word.endswith("_r")
        else word
        for word in words
    ]
    return " ".join(sided)
