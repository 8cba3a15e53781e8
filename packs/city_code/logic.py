"""Facts of a person for the health status: what the three sources say, as days before and after `today`."""

from collections.abc import Mapping

import ibis

NEVER = 9999  # days: longer ago than any limit


def health_status_rows(tables: Mapping[str, ibis.Table]) -> dict[str, ibis.Table]:
    """The rows that can matter: most trips come from nowhere risky, most registrations are no observation.

    Of visits only those of people who have one that is not negative: `health_status` says none of all others.
    """
    fever, travel, watched = tables["fever_clinics"], tables["travel"], tables["community"]
    observing = watched.observed_until.notnull() & (watched.released.fill_null("observing") != "released")
    visits = fever.select("subject_id", "visit_no", "visited_on", "result")
    return {
        "fever_clinics": visits.semi_join(fever.filter(fever.result != "negative"), "subject_id"),
        "travel": travel.filter(travel.risk.isin(["high", "medium"])).select(
            "subject_id", "arrived_on", "risk"
        ),
        "community": watched.filter(observing).select("subject_id", "observed_until"),
    }


def health_status(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """One row for each of `people` (subject_id, today): fever_result, since_fever, since_high_risk, … in days.

    `fever_result` is that of the newest visit while it asks for anything: positive, pending, or none.
    """
    people, fever = tables["people"], tables["fever_clinics"]
    newest = ibis.window(group_by="subject_id", order_by=[ibis.desc("visited_on"), ibis.desc("visit_no")])
    last = fever.mutate(rank=ibis.row_number().over(newest)).filter(
        lambda t: (t.rank == 0) & (t.result != "negative")
    )
    visits = last.select("subject_id", fever_result=last.result, fever_on=last.visited_on)
    travel = tables["travel"]
    trips = travel.group_by("subject_id").agg(
        high_on=travel.arrived_on.max(where=travel.risk == "high"),
        medium_on=travel.arrived_on.max(where=travel.risk == "medium"),
    )
    watched = tables["community"]
    observed = watched.group_by("subject_id").agg(observed_until=watched.observed_until.max())
    joined = people.left_join(visits, "subject_id").drop("subject_id_right")
    joined = joined.left_join(trips, "subject_id").drop("subject_id_right")
    joined = joined.left_join(observed, "subject_id").drop("subject_id_right")
    return joined.select(
        "subject_id",
        "today",
        fever_result=joined.fever_result.fill_null("none"),
        since_fever=_days(joined.today, joined.fever_on),
        since_high_risk=_days(joined.today, joined.high_on),
        since_medium_risk=_days(joined.today, joined.medium_on),
        observation_left=joined.observed_until.delta(joined.today, unit="day").fill_null(-1),
    )


def _days(today: ibis.Value, day: ibis.Value) -> ibis.Value:
    return today.delta(day, unit="day").fill_null(NEVER)
