"""Every URL and hot route × method × hat × where the thing lies: the HTTP status is the policy's verdict.

The routes are discovered, so a route without a door fails here, and so does a kind of thing without a sample. Each
request goes through the whole middleware; only what stands behind an opened door is replaced by a mark.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from ninja.operation import PathView

from liangwang.base import access, clock
from liangwang.base.access import ApiDoor, Door, Thing, kind_of, may, may_ever, relation, thing_of
from liangwang.base.errors import Refusal
from liangwang.base.hats import ANONYMOUS, Actor, actor_of, source_hat, wear
from liangwang.base.models import AuditEntry, Party, Subject
from liangwang.hot import HOT
from liangwang.identity import Known
from liangwang.services.models import Authorisation, Letter, Submission
from liangwang.services.models_letters import Delivery
from liangwang.services.models_together import Confirmation
from tests import factories
from tests.factories import About

pytestmark = pytest.mark.django_db

# Routes without a door, each with the reason why that is right; they must answer 404 to everyone.
NO_DOOR = {"api/v1/": "ninja's root page, which needs ninja's own documents, which we do not serve"}
POSTS = [r for r in access.ROLES if r not in {"anonymous", "resident", "company", "source", "platform"}]
BEARER = "matrix-source-key"
OWN = ("subdistrict", factories.STREET)
# Where a post may stand to a thing of the subdistrict office of STREET.
STANDS: dict[str, tuple[str, str]] = {
    "own office": OWN,
    "same place, other department": ("health", factories.STREET),
    "above, same department": ("subdistrict", factories.DISTRICT),
    "above, other department": ("health", factories.CITY),
    "below": ("subdistrict", factories.COMMITTEE),
    "sibling street": ("subdistrict", factories.OTHER_STREET),
    "sibling district": ("subdistrict", factories.SIBLING),
}


class Entered(Refusal):
    """Raised behind an opened door, in place of the view: a status that nothing else has."""

    status, code = 299, "entered"


@dataclass(frozen=True)
class Route:
    """One URL pattern with its door."""

    pattern: str
    names: tuple[str, ...]
    door: Door
    methods: tuple[str, ...]
    api: bool

    def url(self, kwargs: dict[str, Any]) -> str:
        path = "/" + self.pattern
        for name in self.names:
            before, _, rest = path.partition("<")
            inside, _, after = rest.partition(">")
            assert inside.rpartition(":")[2] == name
            path = f"{before}{kwargs.get(name, 1 if inside.startswith('int:') else 'x')}{after}"
        return path


def discovered() -> Iterator[tuple[str, Any]]:
    """Every URL pattern with its view."""

    def walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
        for one in resolver.url_patterns:
            path = prefix + str(one.pattern)
            if isinstance(one, URLPattern):
                yield path, one.callback
            else:
                yield from walk(one, path)

    yield from walk(get_resolver(), "")


def path_view(view: Any) -> PathView | None:
    """The ninja operations behind an API view."""
    cells = [cell.cell_contents for cell in getattr(view, "__closure__", None) or ()]
    return next((cell for cell in cells if isinstance(cell, PathView)), None)


def routes_of(pattern: str, view: Any) -> list[Route]:
    names = tuple(part.partition(">")[0].rpartition(":")[2] for part in pattern.split("<")[1:])
    if door := getattr(view, "door", None):
        return [Route(pattern, names, door, tuple(door.verbs), False)]
    found = path_view(view)
    if found is None:
        return []
    routes = []
    for operation in found.operations:
        doors = [auth for auth in operation.auth_callbacks if isinstance(auth, ApiDoor)]
        assert len(doors) == 1, (
            f"/{pattern}: {operation.methods} has {len(doors)} ApiDoors; it needs auth=ApiDoor(…)"
        )
        routes.append(Route(pattern, names, doors[0].door, tuple(operation.methods), True))
    return routes


ROUTES = [route for pattern, view in discovered() for route in routes_of(pattern, view)]
IDS = [f"{'+'.join(route.methods)} /{route.pattern}" for route in ROUTES]


# ---- who asks


@dataclass
class Asker:
    """Somebody with a session (or a bearer key, or neither), and the actor that this makes."""

    name: str
    party: Party | None = None
    hat: str = ""
    bearer: str = ""
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        if self.party:
            self.client.force_login(self.party, "django.contrib.auth.backends.ModelBackend")
            session = self.client.session
            session["hat"] = self.hat
            session.save()

    def actor(self) -> Actor:
        if self.bearer:
            return source_hat(self.bearer) or ANONYMOUS
        return wear(self.party, self.hat, clock.now()) if self.party else ANONYMOUS

    def ask(self, method: str, url: str, api: bool) -> int:
        """The HTTP status, 299 for an opened door, 401 for a redirect to the login page."""
        headers = {"authorization": f"Bearer {self.bearer}"} if self.bearer else {}
        answer = self.client.generic(method, url, headers=headers)
        if not api and answer.status_code == 302 and answer["Location"].startswith("/login/"):
            return 401
        return int(answer.status_code)


class Matrix:
    """A subject whose things lie with one office, and everybody who may ask for them."""

    def __init__(self) -> None:
        self.owner = factories.person(factories.STREET)
        self.company = factories.company(factories.STREET, director=self.owner)
        self.office = factories.office(OWN[1], OWN[0])
        self.about = About(factories.place(factories.STREET), self.office, self.owner.subject)
        self.askers = [*self._posts(), *self._people(), Asker("anonymous"), self._source()]
        # A kind-level door does not look at where the thing lies: one post of each role is enough.
        self.few = [a for a in self.askers if "/" not in a.name or a.name.endswith("/own office")]
        self.things: dict[str, Any] = {}

    def _posts(self) -> Iterator[Asker]:
        for role in POSTS:
            for where, (department, code) in STANDS.items():
                post = factories.post(role, factories.office(code, department))
                yield Asker(f"{role}/{where}", post.party, f"post:{post.ref}")

    def _people(self) -> Iterator[Asker]:
        other = factories.person(factories.STREET, "王平")
        parent = factories.person(factories.STREET, "周敏")
        friend = factories.party(factories.person(factories.OTHER_STREET, "赵青").subject)
        factories.guardian(self.owner.subject, parent)
        mandate = factories.mandate(self.owner.subject, friend)
        yield Asker("resident: self", factories.party(self.owner.subject), "self")
        yield Asker("resident: another", factories.party(other.subject), "self")
        yield Asker(
            "resident: guardian", factories.party(parent.subject), f"guardian:{self.owner.subject.ref}"
        )
        yield Asker("resident: proxy", friend, f"proxy:{mandate.ref}")
        director = factories.party(self.owner.subject)
        yield Asker("company", director, f"company:{self.company.subject.ref}")
        for role in ("counter", "committee"):
            post = factories.post(role, factories.office(factories.SIBLING_STREET))
            for name, person in (("owner", self.owner), ("another", other)):
                hat = f"assisted:{post.ref}:{person.subject.ref}"
                yield Asker(f"{role} assists: {name}", post.party, hat)

    def _source(self) -> Asker:
        factories.source_key(BEARER, self.office)
        return Asker("source", bearer=BEARER)

    def found(self, route: Route) -> tuple[dict[str, Any], Any]:
        """The URL's arguments and the object that the door finds by them."""
        kind = route.door.kind
        if kind not in self.things:
            self.things[kind] = factories.sample(kind, self.about)
        kwargs = {name: _argument(route, name, self.things[kind]) for name in route.door.of_names}
        assert route.door.of is not None
        obj = route.door.of(**kwargs)
        assert obj is not None, (
            f"/{route.pattern}: the door finds no {kind} by {kwargs}; add the pattern to ARGUMENTS in this file"
        )
        return kwargs, obj


def _submission(case: Any) -> Submission:
    known = Submission.objects.filter(case=case).first()
    if known:
        return known
    draft = factories.draft(About(case.place, case.lead_office, case.subject))
    return Submission.objects.create(
        draft=draft,
        case=case,
        version=draft.version,
        key=draft.key,
        applicant=case.subject,
        answers={},
        evidence={},
        hash="0" * 64,
        submitted_at=factories.AT,
    )


def _letter(case: Any) -> str:
    known = Letter.objects.filter(key=f"letter-{case.pk}").first()
    return (
        known
        or Letter.objects.create(
            number=f"L{case.pk}",
            kind="accepted",
            case=case,
            submission=_submission(case),
            subject=case.subject,
            office=case.lead_office,
            body={},
            at=factories.AT,
            key=f"letter-{case.pk}",
        )
    ).ref


def _delivery(case: Any) -> str:
    letter = Letter.objects.get(ref=_letter(case))
    made, _ = Delivery.objects.get_or_create(
        letter=letter, way="electronic", defaults={"sent_at": factories.AT}
    )
    return made.ref


def _authorisation(draft: Any) -> str:
    text = {"zh": "同意", "en": "I agree"}
    made = Authorisation.objects.create(
        draft=draft, role="mother", subject=draft.applicant, text=text, asked_at=factories.AT
    )
    return made.ref


def _confirmation(draft: Any) -> str:
    made = Confirmation.objects.create(
        draft=draft, subject=draft.applicant, text={}, digest="0" * 64, asked_at=factories.AT
    )
    return made.ref


# Arguments of a URL that are not an attribute of its object: pattern -> argument -> function of the object.
ARGUMENTS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "letters/<str:ref>/": {"ref": _letter},
    "letters/<str:ref>/letter.pdf": {"ref": _letter},
    "deliveries/<str:ref>/proof.pdf": {"ref": _delivery},
    "staff/letters/<slug:ref>/": {"ref": _letter},
    "staff/letters/<slug:ref>/label": {"ref": _letter},
    "staff/deliveries/<slug:ref>/step": {"ref": _delivery},
    "authorisations/<str:ref>/": {"ref": _authorisation},
    "confirm/<str:ref>/": {"ref": _confirmation},
    "api/v1/applications/<number>": {"number": lambda case: _submission(case).case.number},
    "staff/readings/<int:number>/": {"number": lambda stream: stream.pk},
    "command/things/<int:number>/": {"number": lambda thing: thing.pk},
    "command/recorded/things/<int:number>/": {"number": lambda thing: thing.pk},
    "api/v1/batches/<source>/<ref>": {"source": lambda batch: f"{batch.pack}:{batch.source}"},
}


def _argument(route: Route, name: str, obj: Any) -> Any:
    special = ARGUMENTS.get(route.pattern, {}).get(name)
    if special:
        return special(obj)
    assert hasattr(obj, name), (
        f"/{route.pattern}: {obj!r} has no {name}; add the pattern to ARGUMENTS in this file"
    )
    return getattr(obj, name)


def expected(actor: Actor, route: Route, method: str, thing: Thing | None) -> int:
    """The status that the policy's table alone demands."""
    door, verb = route.door, route.door.verbs[method]
    if thing is None:
        allowed = may_ever(actor, verb, door.kind, door.purpose)
        return 299 if allowed else 401 if actor.is_anonymous else 403
    if may(actor, verb, thing, door.purpose).allowed:
        return 299
    if actor.is_anonymous:
        return 401
    readable = verb != "read" and may(actor, "read", thing, door.purpose).allowed
    return 403 if readable else 404


@pytest.fixture(autouse=True)
def stand_in_for_views() -> Iterator[None]:
    """An opened door raises Entered instead of going on to the view; the door itself is untouched."""
    enter = Door.enter

    def opened(self: Door, request: HttpRequest, kwargs: dict[str, Any]) -> Any:
        enter(self, request, kwargs)
        raise Entered

    with patch.object(Door, "enter", opened):
        yield


@pytest.fixture
def matrix(db: None) -> Matrix:
    return Matrix()


def test_every_route_has_a_door() -> None:
    without = [
        pattern for pattern, view in discovered() if pattern not in NO_DOOR and not routes_of(pattern, view)
    ]
    assert without == [], "put @door (or auth=ApiDoor) on these views"


def test_routes_without_a_door_answer_nobody(matrix: Matrix) -> None:
    assert set(NO_DOOR) <= {pattern for pattern, _ in discovered()}
    for pattern in NO_DOOR:
        assert {asker.ask("GET", f"/{pattern}", True) for asker in matrix.few} == {404}


@pytest.fixture
def quick() -> Iterator[None]:
    """Refusals without their page; each hat and each thing looked up once, whoever asks: only the status counts."""
    kept: dict[tuple[str | None, str | None], Actor] = {}
    found: dict[tuple[Any, ...], Any] = {}
    enter = Door.enter

    def entered(self: Door, request: HttpRequest, kwargs: dict[str, Any]) -> Any:
        of = self.of
        if of is None:
            return enter(self, request, kwargs)

        def once(**names: Any) -> Any:
            key = (of, *sorted(names.items()))
            if key not in found:
                found[key] = of(**names)
            return found[key]

        return enter(replace(self, of=once), request, kwargs)

    def status_only(_request: HttpRequest, _template: str, _context: Any, *, status: int) -> HttpResponse:
        return HttpResponse(status=status)

    def known(request: HttpRequest) -> Actor:
        who = (request.session.session_key, request.headers.get("Authorization"))
        if who not in kept:
            kept[who] = actor_of(request)
        return kept[who]

    with (
        patch("liangwang.base.middleware.render", status_only),
        patch("liangwang.base.middleware.actor_of", known),
        patch.object(Door, "enter", entered),
    ):
        yield


@pytest.mark.usefixtures("quick")
def test_the_status_is_the_policys_verdict(matrix: Matrix) -> None:
    wrong: list[str] = []
    asked = opened = entries = 0
    actors = {asker.name: asker.actor() for asker in matrix.askers}
    seen: set[tuple[object, ...]] = set()
    for route in ROUTES:
        kwargs, obj = matrix.found(route) if route.door.of else ({}, None)
        thing = thing_of(route.door.kind, obj) if obj is not None else None
        entries = AuditEntry.objects.count()
        # Where a post stands is asked once for each way of finding and asking; the next pages behind the same
        # door ask every role and every relation again.
        door = (route.door.of, route.door.kind, *sorted(route.door.verbs.values()), route.door.purpose)
        whole = thing is not None and door not in seen
        seen.add(door)
        for asker in matrix.askers if whole else matrix.few:
            actor = actors[asker.name]
            for method in route.methods:
                want = expected(actor, route, method, thing)
                got = asker.ask(method, route.url(kwargs), route.api)
                before, entries = entries, AuditEntry.objects.count() if got == 299 else entries
                written = entries - before
                asked, opened = asked + 1, opened + (got == 299)
                line = f"{method} {route.url(kwargs)} ({route.door.verbs[method]} {route.door.kind}) as {asker.name}"
                if got != want:
                    wrong.append(f"{line}: {got}, the policy says {want}")
                if written != _must_be_written(actor, route, method, thing, got):
                    wrong.append(f"{line}: {written} audit entries")
    assert wrong == [], f"{len(wrong)} of {asked} cells; first: " + "\n".join(wrong[:20])
    assert asked > 3000
    assert AuditEntry.objects.count() == entries
    assert 0.05 < opened / asked < 0.7


def _must_be_written(actor: Actor, route: Route, method: str, thing: Thing | None, got: int) -> int:
    """One entry for each read of somebody's data by somebody else, by a helper too; none for a refusal at the door."""
    if thing is None or got != 299 or route.door.verbs[method] != "read":
        return 0
    seen = relation(actor, thing) in access.SEEN_BY_OTHERS
    return int(kind_of(route.door.kind).personal and seen)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_no_door_names_is_not_allowed(matrix: Matrix, method: str) -> None:
    by_pattern: dict[str, set[str]] = {}
    for route in ROUTES:
        by_pattern.setdefault(route.pattern, set()).update(route.methods)
    owner = next(asker for asker in matrix.askers if asker.name == "resident: self")
    for route in ROUTES:
        if method not in by_pattern[route.pattern]:
            assert owner.ask(method, route.url({}), route.api) == 405, route


def test_a_thing_of_others_looks_like_no_thing_at_all(matrix: Matrix) -> None:
    """The same status and the same body, so that an id tells nothing."""
    stranger = next(asker for asker in matrix.askers if asker.name == "resident: another")
    looked = 0
    for route in ROUTES:
        if "GET" not in route.methods or not route.door.of or route.door.verbs["GET"] != "read":
            continue
        kwargs, obj = matrix.found(route)
        if may(stranger.actor(), "read", thing_of(route.door.kind, obj)).allowed:
            continue
        there = stranger.client.get(route.url(kwargs))
        nowhere = stranger.client.get(route.url(dict.fromkeys(kwargs, "0" * 26)))
        assert (there.status_code, nowhere.status_code) == (404, 404), route
        assert _words(there.content) == _words(nowhere.content), route
        looked += 1
    assert looked > 5


def _words(page: bytes) -> int:
    return len(page.split())


@pytest.mark.parametrize("route", HOT, ids=lambda route: route.path)
def test_a_hot_route_asks_the_same_policy(matrix: Matrix, route: Any) -> None:
    known = Known(side=None)  # type: ignore[arg-type]
    for asker in matrix.few:
        actor = asker.actor()
        assert known.may(actor, route.verb, route.thing) == may_ever(actor, route.verb, route.thing), (
            asker.name
        )
    twins = {one.pattern: one for one in ROUTES}
    if not route.stream:
        assert twins[route.twin].door.verbs == {route.method: route.verb}
        assert twins[route.twin].door.kind == route.thing


def test_a_hat_that_has_ended_opens_nothing_at_once(matrix: Matrix) -> None:
    """Revocation: the next request already stands outside."""
    clerk = next(asker for asker in matrix.askers if asker.name == "clerk/own office")
    route = next(one for one in ROUTES if one.pattern == "staff/applications/")
    assert clerk.ask("GET", route.url({}), False) == 299
    assert clerk.party is not None
    clerk.party.posts.update(ended_at=factories.AT)
    assert clerk.ask("GET", route.url({}), False) == 401


def test_a_revoked_mandate_opens_nothing_at_once(matrix: Matrix) -> None:
    proxy = next(asker for asker in matrix.askers if asker.name == "resident: proxy")
    route = next(one for one in ROUTES if one.pattern == "cases/<str:ref>/")
    kwargs, _ = matrix.found(route)
    assert proxy.ask("GET", route.url(kwargs), False) == 299
    assert proxy.party is not None
    proxy.party.mandates.update(revoked_at=factories.AT)
    assert proxy.ask("GET", route.url(kwargs), False) == 401


def test_samples_are_about_the_owner(matrix: Matrix) -> None:
    """The matrix would prove nothing if its things were nobody's."""
    owned = {kind for kind in factories.SAMPLES if matrix.owner.pk in _subjects(matrix, kind)}
    assert {
        "application",
        "application_task",
        "incident_task",
        "draft",
        "certificate",
        "notice",
        "audit",
        "file",
        "person",
    } <= owned


def _subjects(matrix: Matrix, kind: str) -> frozenset[int]:
    return thing_of(kind, factories.sample(kind, matrix.about)).subject_ids


def test_subjects_are_not_posts(matrix: Matrix) -> None:
    assert Subject.objects.filter(parties__posts__isnull=False).count() == 0
