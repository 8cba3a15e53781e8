"""Nobody verifies or closes their own work; 退单 once; 挂账 with approval; late ones climb, each level told once."""

from datetime import timedelta

import pytest

from liangwang.base.hats import Actor, platform
from liangwang.base.models import Event, Notice
from liangwang.cases import actions
from liangwang.cases.models import Case, Task
from liangwang.cases.refusals import (
    AlreadyRated,
    DeclineRefused,
    NotHolder,
    OwnWork,
    ProofMissing,
    ReasonNeeded,
    TaskMoved,
)
from tests.cases.factories import AT, Street, make_actor, make_street, node, open_incident

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
RULE = platform("manholes")
REPAIR = [
    node(
        "repair",
        by={"crew": {"skill": "cover_repair"}},
        within={"minutes": 60},
        verify="other",
        stage="handle",
    )
]


class Scene:
    """One repair in a street, assigned to a crew."""

    def __init__(self, **fields: object) -> None:
        self.street: Street = make_street()
        self.crew = make_actor(self.street.crew, "crew")
        self.mate = make_actor(self.street.crew, "crew")
        self.supervisor = make_actor(self.street.grid, "supervisor")
        self.duty = make_actor(self.street.centre, "duty_officer")
        self.case: Case = open_incident(self.street, [{**REPAIR[0], **fields}])
        actions.assign_task(actor=RULE, at=AT, task=self.task, crew_office=self.street.crew)

    @property
    def task(self) -> Task:
        return Task.objects.get(case=self.case, node="repair")

    def report(self, actor: Actor | None = None) -> None:
        actor = actor or self.crew
        if self.task.state == "assigned":
            actions.accept_task(actor=actor, at=AT, task=self.task)
        actions.report_task(actor=actor, at=AT, task=self.task)


def test_neither_the_worker_nor_a_mate_of_the_crew_verifies() -> None:
    scene = Scene()
    scene.report()
    for own in (scene.crew, scene.mate):
        with pytest.raises(OwnWork) as refused:
            actions.verify_task(actor=own, at=AT, task=scene.task, passed=True)
        assert refused.value.status == 403
    actions.verify_task(actor=scene.supervisor, at=AT, task=scene.task, passed=True)
    assert scene.task.state == "done"


def test_a_worker_who_also_holds_another_post_does_not_verify_in_it() -> None:
    from liangwang.base.hats import post_hat
    from liangwang.base.models import Party, Post

    scene = Scene()
    scene.report()
    same_person = Party.objects.get(pk=scene.crew.party_id)
    other_hat = post_hat(Post.objects.create(party=same_person, office=scene.street.grid, role="supervisor"))
    with pytest.raises(OwnWork):
        actions.verify_task(actor=other_hat, at=AT, task=scene.task, passed=True)


def test_a_failed_check_is_rework_with_the_clock_running() -> None:
    scene = Scene()
    scene.report()
    due = scene.task.due_at
    with pytest.raises(ReasonNeeded):
        actions.verify_task(actor=scene.supervisor, at=AT, task=scene.task, passed=False)
    actions.verify_task(actor=scene.supervisor, at=AT, task=scene.task, passed=False, note="盖子还响")
    assert (scene.task.state, scene.task.attempt, scene.task.due_at) == ("accepted", 2, due)
    scene.case.refresh_from_db()
    assert scene.case.stage == "handle"
    scene.report()
    actions.verify_task(actor=scene.supervisor, at=AT, task=scene.task, passed=True)
    assert scene.task.state == "done"


def test_closing_is_for_someone_who_neither_did_nor_verified() -> None:
    scene = Scene()
    scene.report()
    actions.verify_task(actor=scene.supervisor, at=AT, task=scene.task, passed=True)
    for own in (scene.crew, scene.mate, scene.supervisor):
        with pytest.raises(OwnWork):
            actions.close_case(actor=own, at=AT, case=scene.case)
    actions.close_case(actor=scene.duty, at=AT, case=scene.case)


def test_one_who_failed_it_once_does_not_close_it_later() -> None:
    scene = Scene()
    scene.report()
    actions.verify_task(actor=scene.duty, at=AT, task=scene.task, passed=False, note="再来")
    scene.report()
    actions.verify_task(actor=scene.supervisor, at=AT, task=scene.task, passed=True)
    with pytest.raises(OwnWork):
        actions.close_case(actor=scene.duty, at=AT, case=scene.case)


def test_only_the_holding_crew_handles() -> None:
    scene = Scene()
    stranger = make_actor(scene.street.other_crew, "crew")
    with pytest.raises(NotHolder) as refused:
        actions.accept_task(actor=stranger, at=AT, task=scene.task)
    assert scene.street.crew.name["zh"] in refused.value.message("zh")


def test_a_verified_task_cannot_be_completed_past_its_verification() -> None:
    scene = Scene()
    actions.accept_task(actor=scene.crew, at=AT, task=scene.task)
    with pytest.raises(ProofMissing):
        actions.complete_task(actor=scene.crew, at=AT, task=scene.task)


def test_the_photos_that_the_plan_wants_are_asked_for_on_each_attempt() -> None:
    from liangwang.base.models import StoredFile
    from liangwang.cases.actions import Shown

    scene = Scene(proof=["photo_before", "photo_after"])
    photo = StoredFile.objects.create(
        sha256="0" * 64, size=1, media_type="image/jpeg", name="a.jpg", created_at=AT
    )
    actions.accept_task(actor=scene.crew, at=AT, task=scene.task)
    actions.add_proof(actor=scene.crew, at=AT, task=scene.task, shown=Shown("photo_before", photo))
    with pytest.raises(ProofMissing) as refused:
        scene.report()
    assert "处置后照片" in refused.value.message("zh") and "处置前" not in refused.value.message("zh")
    both = [Shown("photo_before", photo), Shown("photo_after", photo)]
    actions.report_task(actor=scene.crew, at=AT, task=scene.task, proofs=both)
    actions.verify_task(actor=scene.supervisor, at=AT, task=scene.task, passed=False, note="照片看不清")
    with pytest.raises(ProofMissing):
        scene.report()


def test_declining_needs_a_listed_reason_in_time_and_works_once() -> None:
    scene = Scene()
    with pytest.raises(ReasonNeeded):
        actions.decline_task(actor=scene.crew, at=AT, task=scene.task, reason="too far")
    with pytest.raises(DeclineRefused):
        late = AT + timedelta(minutes=31)
        actions.decline_task(actor=scene.crew, at=late, task=scene.task, reason="busy")
    actions.decline_task(actor=scene.crew, at=AT, task=scene.task, reason="not_ours")
    assert scene.task.state == "ready" and scene.task.crew_office is None
    assert Notice.objects.filter(office=scene.street.centre, template="task.declined").count() == 1
    actions.assign_task(actor=scene.duty, at=AT, task=scene.task, crew_office=scene.street.other_crew)
    other = make_actor(scene.street.other_crew, "crew")
    with pytest.raises(DeclineRefused):
        actions.decline_task(actor=other, at=AT, task=scene.task, reason="not_ours")
    actions.accept_task(actor=other, at=AT, task=scene.task)
    with pytest.raises(TaskMoved):
        actions.accept_task(actor=other, at=AT, task=scene.task)


def test_a_deferral_needs_someone_elses_approval_and_stays_on_the_board() -> None:
    from liangwang.cases import jobs, queries

    scene = Scene()
    actions.accept_task(actor=scene.crew, at=AT, task=scene.task)
    until = AT + timedelta(days=3)
    actions.defer_task(actor=scene.crew, at=AT, task=scene.task, until=until, reason="等待配件")
    assert scene.task.state == "accepted", "asking stops nothing"
    with pytest.raises(OwnWork):
        actions.approve_deferral(actor=scene.crew, at=AT, task=scene.task, approved=True)
    actions.approve_deferral(actor=scene.duty, at=AT, task=scene.task, approved=True)
    assert (scene.task.state, scene.task.due_at) == ("deferred", until)
    assert [t.pk for t in queries.next_steps(scene.case)] == [scene.task.pk]
    jobs.tick(until)
    assert scene.task.state == "accepted"


def test_what_is_late_climbs_and_each_level_is_told_once() -> None:
    from liangwang.operations.escalation import climb

    scene = Scene()
    due = scene.task.due_at
    assert due == AT + timedelta(minutes=60)
    assert climb(due - timedelta(seconds=1)) == 0
    late = {"street": timedelta(), "district": timedelta(minutes=60), "city": timedelta(minutes=120)}
    for level, after in late.items():
        for _ in range(3):
            climb(due + after + timedelta(seconds=1))
        assert scene.task.climbed == level
    told = Event.objects.filter(type="task.overdue", ref=scene.task.ref).order_by("id")
    assert [e.body["level"] for e in told] == ["street", "district", "city"]
    street = scene.street
    for office in (street.centre, street.district_centre, street.city_centre):
        assert Notice.objects.filter(office=office, template="task.late").count() == 1


def test_after_a_long_silence_the_levels_between_are_told_too() -> None:
    from liangwang.operations.escalation import climb

    scene = Scene()
    assert climb(AT + timedelta(days=1)) == 3
    assert scene.task.climbed == "city"


def test_supervision_marks_the_case_and_tells_the_crew() -> None:
    scene = Scene()
    actions.supervise_task(actor=scene.duty, at=AT, task=scene.task, note="一小时内到场")
    scene.case.refresh_from_db()
    assert scene.case.supervised
    assert Notice.objects.filter(office=scene.street.crew, template="task.supervised").count() == 1


def test_one_rating_and_a_bad_one_opens_a_case_with_fifteen_working_days() -> None:
    from liangwang.base import events
    from tests.cases.factories import make_applicant, open_application

    street = make_street()
    subject, person = make_applicant()
    case = open_application(street.centre, [node("only")], subject=subject)
    actions.complete_task(actor=RULE, at=AT, task=Task.objects.get(case=case))
    actions.rate_case(actor=person, at=AT, case=case, score=2, tags=["等太久"])
    with pytest.raises(AlreadyRated):
        actions.rate_case(actor=person, at=AT, case=case, score=5)
    for _ in range(2):
        events.run_due(AT + timedelta(seconds=5))
    opened = Case.objects.get(key=f"rectify/{case.ref}")
    assert opened.state == "accepted" and opened.lead_office == street.centre and opened.subject == subject
    assert opened.facts["unverified"] is True and opened.promised_at is not None
    assert opened.promised_at.date().isoformat() == "2026-12-14"
    good = open_application(street.centre, [node("only")], subject=subject)
    actions.complete_task(actor=RULE, at=AT, task=Task.objects.get(case=good))
    actions.rate_case(actor=person, at=AT, case=good, score=5)
    events.run_due(AT + timedelta(seconds=5))
    assert not Case.objects.filter(key=f"rectify/{good.ref}").exists()
