"""The one door: `may(actor, verb, thing)` over a finite policy table; default deny, forbid wins, the same rows filter lists."""

import csv
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, reduce, wraps
from itertools import product
from operator import and_, or_
from pathlib import Path
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from . import audit, clock
from .errors import LoginNeeded, NotFound, Refused
from .hats import Actor
from .origin import same_origin
from .transactions import write

ROLES = (
    "anonymous resident company clerk approver counter dispatcher supervisor crew duty_officer committee "
    "gatekeeper data_engineer reform_officer system_admin security_admin auditor source platform"
).split()
TERRITORY = "same below above sibling none".split()
OFFICE = "own department other".split()
RELATION = "none self company guardian proxy assisted reader".split()
VERBS = (
    "open read read_sealed create update decide dispatch handle verify close supervise rate check push "
    "order configure"
).split()
THINGS = (
    "public home person company item draft application application_task incident incident_task ticket "
    "ticket_task certificate visit handover report warning call "
    "code asset reading batch review attribute disagreement board order pass policy audit notice file pack rule draft_part"
).split()
PURPOSES = "none case order".split()
ASSURANCE = "basic strong".split()

ATTRIBUTES: dict[str, list[str]] = {
    "role": ROLES,
    "territory": TERRITORY,
    "office": OFFICE,
    "relation": RELATION,
    "verb": VERBS,
    "thing": THINGS,
    "purpose": PURPOSES,
    "assurance": ASSURANCE,
}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY_FILE = Path(__file__).with_name("policy.csv")


@dataclass(frozen=True)
class Row:
    """One policy row: an effect on the set of cells that its columns select; an empty column selects all."""

    number: int
    effect: str
    cells: dict[str, frozenset[str]]
    basis: str
    note: str

    def covers(self, cell: dict[str, str]) -> bool:
        return all(cell[name] in values for name, values in self.cells.items())


class PolicyError(ValueError):
    """A policy row names a value outside the finite domain."""


def read_policy(path: Path = POLICY_FILE) -> tuple[Row, ...]:
    """The rows of a policy file; raises PolicyError with line and column for an unknown value."""
    rows = []
    with path.open(encoding="utf-8") as f:
        for number, line in enumerate(csv.DictReader(f), start=2):
            cells = {}
            for name, domain in ATTRIBUTES.items():
                values = frozenset((line[name] or "").split("|")) - {""}
                if unknown := values - set(domain):
                    raise PolicyError(f"{path.name}:{number}: {name}: {sorted(unknown)} not among {domain}")
                if values:
                    cells[name] = values
            if line["effect"] not in {"permit", "forbid"} or not line["basis"]:
                raise PolicyError(f"{path.name}:{number}: effect is permit or forbid, and a row has a basis")
            rows.append(Row(number, line["effect"], cells, line["basis"], line["note"]))
    return tuple(rows)


@cache
def policy() -> tuple[Row, ...]:
    return read_policy()


@cache
def _rows_about(kind: str) -> tuple[Row, ...]:
    """The rows that can cover a cell of this kind of thing: a tenth of all."""
    return tuple(row for row in policy() if kind in row.cells.get("thing", (kind,)))


@dataclass(frozen=True)
class Decision:
    """The verdict with the policy lines that made it."""

    allowed: bool
    rows: tuple[int, ...]
    because: str


def _key(cell: dict[str, str]) -> tuple[str, ...]:
    return tuple(cell[name] for name in ATTRIBUTES)


@cache
def _decide(key: tuple[str, ...]) -> Decision:
    cell = dict(zip(ATTRIBUTES, key, strict=True))
    hits = [row for row in _rows_about(cell["thing"]) if row.covers(cell)]
    forbids = [row for row in hits if row.effect == "forbid"]
    made_by = forbids or hits
    allowed = bool(hits) and not forbids
    because = made_by[0].basis if made_by else "no row permits it"
    return Decision(allowed, tuple(row.number for row in made_by), because)


def decide(cell: dict[str, str]) -> Decision:
    """The verdict on one cell of the finite table: some permit and no forbid."""
    return _decide(_key(cell))


# --- things --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Thing:
    """What the policy needs to know of an object, and no more."""

    kind: str
    ref: str = ""
    place_code: str = ""
    office_ids: frozenset[int] = frozenset()
    departments: frozenset[str] = frozenset()
    subject_ids: frozenset[int] = frozenset()
    reader_ids: frozenset[int] = frozenset()  # to whom the person has shown it: they read and do nothing else


PathOrQ = str | Callable[[Any], Q]


@dataclass(frozen=True)
class Kind:
    """How one kind of thing shows its place, offices and subjects: of an object (`of`) and in SQL (paths).

    A path is an ORM lookup such as `lead_office_id`, or a function value -> Q where a join must be a subquery.
    Where rows of one table are of several kinds, `of` says which and `only` are those of this one.
    """

    name: str
    of: Callable[[Any], Thing]
    place: str | None = None
    offices: tuple[PathOrQ, ...] = ()
    departments: tuple[PathOrQ, ...] = ()
    subjects: tuple[PathOrQ, ...] = ()
    readers: tuple[PathOrQ, ...] = ()
    personal: bool = False
    only: Q | None = None


_kinds: dict[str, Kind] = {}


def register_kind(
    name: str,
    *,
    of: Callable[[Any], Thing],
    place: str | None = None,
    offices: Iterable[PathOrQ] = (),
    departments: Iterable[PathOrQ] = (),
    subjects: Iterable[PathOrQ] = (),
    readers: Iterable[PathOrQ] = (),
    personal: bool = False,
    only: Q | None = None,
) -> None:
    """A storey's access.py says here how its kind is seen; `personal` reads by others are audited at the door."""
    if name not in THINGS:
        raise PolicyError(f"{name} is not among the things of base/access.py")
    _kinds[name] = Kind(
        name,
        of,
        place,
        tuple(offices),
        tuple(departments),
        tuple(subjects),
        tuple(readers),
        personal=personal,
        only=only,
    )


def kind_of(name: str) -> Kind:
    """The registered kind; a kind without objects (public, home, board …) is bare."""
    return _kinds.get(name) or Kind(name, of=lambda obj: Thing(kind=name))


def territory(actor_code: str, thing_code: str) -> str:
    """How the thing's place lies to the actor's, by prefix of the division code.

    >>> territory("310105", "310105012")
    'below'
    """
    if not actor_code or not thing_code:
        return "none"
    if actor_code == thing_code:
        return "same"
    if thing_code.startswith(actor_code):
        return "below"
    return "above" if actor_code.startswith(thing_code) else "sibling"


READING_HATS = frozenset({"self", "company", "guardian", "proxy", "assisted"})
# Who looks at her data under these is written down even where nothing else is: she can see that somebody did.
SEEN_BY_OTHERS = frozenset({"none", "proxy", "assisted", "reader"})


def relation(actor: Actor, thing: Thing) -> str:
    """How the actor stands to the person or company that the thing is about; "reader" where she shows it to others."""
    hats = {
        "self": "self",
        "company": "company",
        "guardian": "guardian",
        "proxy": "proxy",
        "assisted": "assisted",
    }
    if actor.hat in hats and actor.for_subject_id in thing.subject_ids and actor.for_subject_id is not None:
        return hats[actor.hat]
    shown_to = actor.hat in READING_HATS and actor.for_subject_id in thing.reader_ids
    return "reader" if shown_to else "none"


def office_relation(actor: Actor, thing: Thing) -> str:
    if actor.office_id is not None and actor.office_id in thing.office_ids:
        return "own"
    return "department" if actor.department and actor.department in thing.departments else "other"


def may(actor: Actor, verb: str, thing: Thing, purpose: str = "none") -> Decision:
    """Whether the actor may do the verb to the thing. The only place where access is decided."""
    return decide(
        {
            "role": actor.role,
            "territory": territory(actor.place_code, thing.place_code),
            "office": office_relation(actor, thing),
            "relation": relation(actor, thing),
            "verb": verb,
            "thing": thing.kind,
            "purpose": purpose,
            "assurance": actor.assurance,
        }
    )


def _cells(actor: Actor, verb: str, kind: str, purpose: str) -> tuple[tuple[str, str, str], ...]:
    """The (territory, office, relation) cells in which the actor may do the verb."""
    return _allowed_cells(actor.role, verb, kind, purpose, actor.assurance)


@cache
def _allowed_cells(
    role: str, verb: str, kind: str, purpose: str, assurance: str
) -> tuple[tuple[str, str, str], ...]:
    fixed = {"role": role, "verb": verb, "thing": kind, "purpose": purpose, "assurance": assurance}
    return tuple(
        (t, o, r)
        for t, o, r in product(TERRITORY, OFFICE, RELATION)
        if decide({**fixed, "territory": t, "office": o, "relation": r}).allowed
    )


def may_ever(actor: Actor, verb: str, kind: str, purpose: str = "none") -> bool:
    """Whether there is any thing of this kind to which the actor may do the verb (doors of list pages)."""
    return bool(_cells(actor, verb, kind, purpose))


def require(actor: Actor, verb: str, thing: Thing, purpose: str = "none") -> Decision:
    """The decision, or LoginNeeded (nobody), NotFound (may not even read it) or Refused (may read it)."""
    decision = may(actor, verb, thing, purpose)
    if decision.allowed:
        return decision
    if actor.is_anonymous:
        raise LoginNeeded
    if verb != "read" and may(actor, "read", thing, purpose).allowed:
        raise Refused(hat=actor.label["zh"])
    raise NotFound


def thing_of(kind: str, obj: Any) -> Thing:
    return kind_of(kind).of(obj)


# --- lists ---------------------------------------------------------------------------------------------

M = TypeVar("M", bound=Model)


NOTHING = Q(pk__in=[])


def _any(paths: Iterable[PathOrQ], value: object) -> Q:
    out = NOTHING
    for path in paths:
        out |= path(value) if callable(path) else Q(**{path: value})
    return out


def _prefixes(code: str) -> list[str]:
    return [code[:n] for n in (2, 6, 9, 12) if n < len(code)]


def _territory_q(kind: Kind, actor: Actor, values: frozenset[str]) -> Q:
    """Rows whose place lies so to the actor's; `values` is not empty."""
    path, code = kind.place, actor.place_code
    inside = Q(**{f"{path}__startswith": code})
    same, above = Q(**{f"{path}": code}), Q(**{f"{path}__in": _prefixes(code)})
    known = Q(**{f"{path}__isnull": False}) & ~Q(**{f"{path}": ""})
    parts = {"above": above, "sibling": known & ~inside & ~above, "none": ~known}
    found = NOTHING
    if {"same", "below"} <= values:
        found |= inside
    elif "same" in values:
        found |= same
    elif "below" in values:
        found |= inside & ~same
    for value in values & parts.keys():
        found |= parts[value]
    return found


def _office_q(kind: Kind, actor: Actor, value: str) -> Q:
    own = _any(kind.offices, actor.office_id) if actor.office_id else NOTHING
    department = _any(kind.departments, actor.department) if actor.department else NOTHING
    return {"own": own, "department": department & ~own, "other": ~own & ~department}[value]


def _relation_q(kind: Kind, actor: Actor, value: str) -> Q:
    mine = _any(kind.subjects, actor.for_subject_id)
    shown = _any(kind.readers, actor.for_subject_id) if actor.hat in READING_HATS else NOTHING
    return {actor.hat: mine, "reader": shown & ~mine}.get(value, ~mine & ~shown)


Pairs = frozenset[tuple[str, str]]


def _possible(kind: Kind, actor: Actor) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The territory, office and relation values that any row of this kind can have for this actor."""
    places = tuple(TERRITORY) if kind.place and actor.place_code else ("none",)
    joined = (actor.office_id and kind.offices) or (actor.department and kind.departments)
    offices = tuple(OFFICE) if joined else ("other",)
    hers = actor.for_subject_id and kind.subjects and actor.hat in RELATION
    shown = ("reader",) if hers and kind.readers and actor.hat in READING_HATS else ()
    return places, offices, ("none", actor.hat, *shown) if hers else ("none",)


def _pairs_q(
    kind: Kind, actor: Actor, pairs: Pairs, offices: tuple[str, ...], relations: tuple[str, ...]
) -> Q:
    """Rows with one of these (office, relation) pairs; a condition that all rows meet is left out."""
    found = NOTHING
    for relation_value in relations:
        here = sorted(office for office, r in pairs if r == relation_value)
        conditions = []
        if len(relations) > 1:
            conditions.append(_relation_q(kind, actor, relation_value))
        if len(here) < len(offices):
            conditions.append(reduce(or_, (_office_q(kind, actor, office) for office in here), NOTHING))
        found |= reduce(and_, conditions) if conditions else ~NOTHING
    return found


def visible(actor: Actor, verb: str, kind: str, rows: QuerySet[M], purpose: str = "none") -> QuerySet[M]:
    """The rows to which the actor may do the verb: the policy table as SQL, equal to asking `may` one by one.

    Only values that can occur are asked about, and territories that allow the same are asked about together, so
    that the condition stays as short as the policy is for this hat.
    """
    cells = frozenset(_cells(actor, verb, kind, purpose))
    if not cells:
        return rows.none()
    k = kind_of(kind)
    if k.only is not None:
        rows = rows.filter(k.only)
    places, offices, relations = _possible(k, actor)
    groups: dict[Pairs, set[str]] = {}
    for place in places:
        pairs = frozenset((o, r) for o, r in product(offices, relations) if (place, o, r) in cells)
        groups.setdefault(pairs, set()).add(place)
    whole = frozenset(product(offices, relations))
    condition = NOTHING
    for pairs, where in groups.items():
        if not pairs:
            continue
        if pairs == whole and len(where) == len(places):
            return rows
        part = ~NOTHING if len(where) == len(places) else _territory_q(k, actor, frozenset(where))
        if pairs != whole:
            shown = _pairs_q(k, actor, pairs, offices, relations)
            part = shown if len(where) == len(places) else part & shown
        condition |= part
    return rows.filter(condition)


# --- doors ---------------------------------------------------------------------------------------------

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Door:
    """What a route asks of the policy: a verb by method, a kind, and how its object is found."""

    kind: str
    verbs: dict[str, str]
    of: Callable[..., Any] | None = None
    purpose: str = "none"
    of_names: frozenset[str] = field(default_factory=frozenset)

    def enter(self, request: HttpRequest, kwargs: dict[str, Any]) -> Any:
        """Finds the object and asks the policy; returns the object (None for kind-level doors) or raises."""
        actor: Actor = request.actor  # type: ignore[attr-defined]
        verb = self.verbs["GET" if request.method == "HEAD" else request.method or "GET"]
        if self.of is None:
            if not may_ever(actor, verb, self.kind, self.purpose):
                raise LoginNeeded if actor.is_anonymous else Refused(hat=actor.label["zh"])
            return None
        if actor.is_anonymous and not may_ever(actor, verb, self.kind, self.purpose):
            raise LoginNeeded  # before the look-up, so that existence does not show
        found = self.of(**{name: kwargs[name] for name in self.of_names})
        thing = thing_of(self.kind, found) if found is not None else None
        if thing is None or thing.kind != self.kind:  # a link to a thing of another kind leads nowhere
            raise NotFound
        require(actor, verb, thing, self.purpose)
        request.thing = thing  # type: ignore[attr-defined]  # a view that asks more need not look it up again
        if kind_of(self.kind).personal and relation(actor, thing) in SEEN_BY_OTHERS and verb == "read":
            with write():
                audit.record(actor, verb, thing, at=clock.now(), purpose=self.purpose)
        return found


def door(
    get: str | None,
    kind: str,
    *,
    post: str | None = None,
    of: Callable[..., Any] | None = None,
    purpose: str = "none",
) -> Callable[[View], View]:
    """Puts a view behind the policy. `get` and `post` are the verbs of the two methods; None answers 405.

    With `of(<url names>) -> object | None` the view is called `view(request, object, **other url names)`.
    A route without a door fails the build (tests/test_access_matrix.py).
    """
    verbs = {m: v for m, v in (("GET", get), ("POST", post)) if v}
    names = frozenset(inspect.signature(of).parameters) if of else frozenset()
    rule = Door(kind, verbs, of, purpose, names)
    methods = [*verbs, "HEAD"] if get else list(verbs)

    def behind(view: View) -> View:
        @wraps(view)
        def entered(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            found = rule.enter(request, kwargs)
            rest = {k: v for k, v in kwargs.items() if k not in rule.of_names}
            return view(request, found, **rest) if of else view(request, **rest)

        entered.door = rule  # type: ignore[attr-defined]
        return entered

    return behind


class ApiDoor:
    """The same door for the public API: `@router.get(…, auth=ApiDoor("read", "item"))`."""

    def __init__(
        self, verb: str, kind: str, *, of: Callable[..., Any] | None = None, purpose: str = "none"
    ) -> None:
        names = frozenset(inspect.signature(of).parameters) if of else frozenset()
        methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
        self.door = Door(kind, dict.fromkeys(methods, verb), of, purpose, names)

    def __call__(self, request: HttpRequest) -> Actor:
        by_cookie = "Authorization" not in request.headers
        if by_cookie and request.method not in SAFE and not same_origin(request.headers.get):
            raise Refused(hat=request.actor.label["zh"])  # type: ignore[attr-defined]
        kwargs = request.resolver_match.kwargs if request.resolver_match else {}
        request.found = self.door.enter(request, kwargs)  # type: ignore[attr-defined]
        actor: Actor = request.actor  # type: ignore[attr-defined]
        return actor
