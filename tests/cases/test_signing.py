"""会签 n of m, 加签 and 转办: who is asked, who decides, and what is said to the rest."""

import pytest

from liangwang.base.hats import Actor, platform
from liangwang.base.models import Office, Party, Post
from liangwang.cases import actions, asked, declare
from liangwang.cases.models import Case, Task
from liangwang.cases.refusals import (
    NotAsked,
    NotHolder,
    OnceOnly,
    ReasonNeeded,
    SignaturesMissing,
    TaskMoved,
    WrongOffice,
)
from tests.cases.factories import AT, make_actor, make_office, make_street, node, open_application

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


class Scene:
    """A plan whose second node wants two of three departments' signatures."""

    def __init__(self, need: int | None = 2) -> None:
        self.street = make_street()
        names = ("fire", "health", "ecology")
        self.offices = {
            name: make_office(f"{name}-{self.street.centre.pk}", self.street.district, name) for name in names
        }
        self.signers = {name: make_actor(office, "approver") for name, office in self.offices.items()}
        self.owner = make_actor(self.street.centre, "approver")
        sign = {"of": [{"department": name} for name in names], "need": need}
        nodes = [node("look"), node("grant", ["look"], sign=sign), node("issue", ["grant"])]
        self.case = open_application(self.street.centre, nodes)
        self.done("look")

    def task(self, key: str = "grant") -> Task:
        return Task.objects.select_related("case", "office").get(case=self.case, node=key)

    def done(self, key: str = "grant", actor: Actor | None = None) -> None:
        actions.complete_task(actor=actor or self.owner, at=AT, task=self.task(key))

    def sign(self, name: str, agreed: bool = True, opinion: str = "") -> None:
        actions.sign_task(actor=self.signers[name], at=AT, task=self.task(), agreed=agreed, opinion=opinion)


def test_two_of_three_offices_must_agree_before_the_task_is_decided() -> None:
    scene = Scene()
    assert {row["office"]["zh"].split("-")[0] for row in asked.signatures_of(scene.task())} == {
        "fire",
        "health",
        "ecology",
    }
    scene.sign("fire")
    scene.sign("health", agreed=False, opinion="通风不够")
    with pytest.raises(SignaturesMissing) as refused:
        scene.done()
    said = refused.value.message("zh")
    assert "已同意 1，需要 2" in said and "ecology" in said and "不同意：health" in said
    scene.sign("ecology")
    scene.done()
    assert scene.task().state == "done" and scene.task("issue").state == "ready"
    assert [row["opinion"] for row in asked.signatures_of(scene.task()) if row["opinion"]] == ["通风不够"]


def test_an_office_that_is_asked_signs_and_does_not_decide() -> None:
    scene = Scene()
    fire = scene.signers["fire"]
    assert list(asked.to_sign(fire)) == [scene.task()]
    for act in (
        lambda: scene.done(actor=fire),
        lambda: actions.send_back(actor=fire, at=AT, task=scene.task(), to_node="look", reason="x"),
        lambda: actions.pass_on(
            actor=fire, at=AT, task=scene.task(), reason="x", office=scene.offices["health"]
        ),
        lambda: actions.ask_signature(
            actor=fire, at=AT, task=scene.task(), office=scene.street.district_centre, why="x"
        ),
    ):
        with pytest.raises(NotHolder):
            act()
    scene.sign("fire")
    assert not asked.to_sign(fire).exists()
    with pytest.raises(OnceOnly):
        scene.sign("fire")
    with pytest.raises(NotAsked):
        actions.sign_task(actor=scene.owner, at=AT, task=scene.task(), agreed=True)
    with pytest.raises(ReasonNeeded):
        scene.sign("health", agreed=False)


def test_an_office_asked_in_addition_must_answer() -> None:
    scene = Scene(need=1)
    scene.sign("fire")
    extra = make_office(f"culture-{scene.case.pk}", scene.street.district, "culture")
    actions.ask_signature(actor=scene.owner, at=AT, task=scene.task(), office=extra, why="文物保护范围")
    assert extra.notices.get().title["zh"] == "请会签：grant"
    with pytest.raises(SignaturesMissing):
        scene.done()
    culture = make_actor(extra, "approver")
    actions.sign_task(actor=culture, at=AT, task=scene.task(), agreed=True)
    scene.done()


def test_an_office_is_asked_once_and_only_while_the_task_is_open() -> None:
    scene = Scene(need=1)
    with pytest.raises(OnceOnly):
        actions.ask_signature(
            actor=scene.owner, at=AT, task=scene.task(), office=scene.offices["fire"], why="又"
        )
    with pytest.raises(WrongOffice):
        actions.ask_signature(
            actor=scene.owner, at=AT, task=scene.task(), office=scene.street.centre, why="我"
        )
    extra = make_office(f"culture-{scene.case.pk}", scene.street.district, "culture")
    with pytest.raises(TaskMoved):
        actions.ask_signature(actor=scene.owner, at=AT, task=scene.task("look"), office=extra, why="晚了")


def test_a_task_that_came_back_is_signed_anew() -> None:
    scene = Scene(need=1)
    scene.sign("fire")
    actions.send_back(actor=scene.owner, at=AT, task=scene.task(), to_node="look", reason="缺测绘")
    scene.done("look")
    assert [row["state"] for row in asked.signatures_of(scene.task())] == ["asked"] * 3
    with pytest.raises(SignaturesMissing):
        scene.done()
    scene.sign("fire")
    scene.done()


def test_a_refusal_needs_no_signature_and_a_withdrawn_case_asks_nobody() -> None:
    scene = Scene()
    actions.complete_task(
        actor=scene.owner, at=AT, task=scene.task(), outcome="refused", result={"reasons": ["不符合条件"]}
    )
    assert not asked.to_sign(scene.signers["fire"]).exists()
    other = Scene()
    actions.withdraw_case(actor=platform("test"), at=AT, case=other.case)
    assert not asked.to_sign(other.signers["fire"]).exists()


def test_a_plan_that_wants_more_signatures_than_it_names_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and 1"):
        declare.Sign(of=[declare.By(department="fire")], need=2)


def test_a_task_is_passed_on_within_its_department_and_its_clock_runs_on() -> None:
    street = make_street()
    near = make_office(f"near-{street.centre.pk}", street.district, "civil")
    city = make_office(f"city-{street.centre.pk}", street.city, "civil")
    other = make_office(f"other-{street.centre.pk}", street.district, "fire")
    case = open_application(
        street.centre, [node("civil", by={"department": "civil"}, within={"working_days": 3})]
    )
    held: Task = case.tasks.get()
    due, clerk = held.due_at, make_actor(near, "approver")

    def pass_on(**to: Office | Post) -> Task:
        return actions.pass_on(actor=clerk, at=AT, task=held, reason="归市局", **to)  # type: ignore[arg-type]

    with pytest.raises(WrongOffice):
        pass_on(office=other)
    colleague = Post.objects.create(
        party=Party.objects.create(login_name=f"c-{case.pk}", label={"zh": "王", "en": "Wang"}),
        office=near,
        role="approver",
    )
    assert pass_on(post=colleague).assignee_id == colleague.pk
    assert [post.pk for post in asked.colleagues(held, clerk)] == [colleague.pk]
    assert asked.other_offices(held) == [city]
    assert pass_on(office=city).office_id == city.pk
    held.refresh_from_db()
    assert (held.due_at, held.state, held.assignee_id) == (due, "ready", None)
    said = Case.objects.get(pk=case.pk).events.filter(what="task.passed_on").last()
    assert said is not None and said.body["reason"] == "归市局"
