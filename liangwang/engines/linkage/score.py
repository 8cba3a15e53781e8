"""Weighs pairs of records with Splink, and says what may never be one person."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from .model import COMPARISONS, Model, linker_of, quiet

# What two records of one person cannot show, whatever else agrees: families share a phone, a home and a surname, so that
# the fields, each taken as independent of the others, would make them one.
UNLIKE = (
    "(a.given <> b.given and a.pinyin <> b.pinyin"
    " and not (a.surname = b.surname and (a.first = b.first or a.rest = b.rest)))"
)
OTHER_BIRTH = "(a.birth <> b.birth and a.year <> b.year and not (a.month = b.month and a.day = b.day))"
ONE_SOURCE = "coalesce(a.source = b.source, false)"


def contradiction(model: Model) -> str:
    """SQL over the records `a` and `b`: they cannot be one person."""
    rules = [
        "coalesce(a.identity <> b.identity, false)",
        f"coalesce({UNLIKE}, false) and coalesce(a.birth <> b.birth, true)",
        f"coalesce({OTHER_BIRTH}, false) and coalesce(a.pinyin <> b.pinyin, true)",
        *([ONE_SOURCE] if model.once else []),
    ]
    return " or ".join(rules)


def weigh(
    con: duckdb.DuckDBPyConnection, model: Model, prior: float, into: str, floor: float | None = None
) -> None:
    """Makes the table `into(l, r, w, w_name … w_source)` from `pairs`: bits for one person, in all and by comparison.

    `w` has the prior in it and is at least `floor`; a comparison with an unknown is null. Needs `frequencies`.
    """
    with quiet():
        linker = linker_of(con, model.rates, prior)
        api = linker._db_api  # the connection's own; Splink 5 has no public name for it
        con.execute(
            "create or replace table blocked_pairs as select '0' as match_key, l as join_key_l, r as join_key_r from pairs"
        )
        linker.table_management.register_term_frequency_lookup(api.register("frequencies"), "name")
        linker.table_management.register_blocked_pairs_for_predict(api.register("blocked_pairs"))
        found = linker.inference.predict(threshold_match_weight=floor, warning_mode="never")
    parts = ", ".join(
        f"mw_{name}{' + mw_tf_adj_name' if name == 'name' else ''} as w_{name}" for name in COMPARISONS
    )
    con.execute(
        f"create or replace table {into} as "
        f"select row_l as l, row_r as r, match_weight as w, {parts} from {found.physical_name}"
    )
    con.execute(f"drop table {found.physical_name}")


def frequencies(con: duckdb.DuckDBPyConnection, model: Model, counted: str | None) -> None:
    """Makes `frequencies(name, tf_name)`: counted in the rows where `counted` holds, else as the model knows the names."""
    if counted:
        con.execute(
            "create or replace table frequencies as select name, count(*) / sum(count(*)) over () as tf_name "
            f"from records where name is not null and {counted} group by name"
        )
        return
    con.register("model_names", pa.table({"text": list(model.names), "share": list(model.names.values())}))
    con.execute(
        f"create or replace table frequencies as select name, coalesce(any_value(share), {model.rare}) as tf_name "
        "from records left join model_names using (text) where name is not null group by name"
    )
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
