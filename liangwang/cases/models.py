"""Tables of the case engine: plan, case, task, signature, hold, lacking material, clock stop, event, proof, rating."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from liangwang.base.models import RefModel

from .call_models import Call as Call  # a table of this storey

OPEN_TASK_STATES = ("ready", "assigned", "accepted", "arrived", "reported")
"""A task in one of these waits for somebody; its clock runs."""
LIVE_CASE_STATES = ("open", "supplement", "accepted")

KINDS = ("application", "incident", "ticket")
"""办件, opened by a person; 案件, by a rule or a report; 校核单, by data that disagree."""

STAGES = ("report", "confirm", "accept", "file", "dispatch", "handle", "feedback", "verify", "close", "rate")
"""上报 核实 受理 立案 派遣 处置 反馈 核查 结案 评价 (GB/T 30428), in this order; supervision (督办) may come at any."""

STAGE_LABELS = {
    "report": {"zh": "上报", "en": "Report"},
    "confirm": {"zh": "核实", "en": "Confirm"},
    "accept": {"zh": "受理", "en": "Accept"},
    "file": {"zh": "立案", "en": "File"},
    "dispatch": {"zh": "派遣", "en": "Dispatch"},
    "handle": {"zh": "处置", "en": "Handle"},
    "feedback": {"zh": "反馈", "en": "Report back"},
    "verify": {"zh": "核查", "en": "Verify"},
    "close": {"zh": "结案", "en": "Close"},
    "rate": {"zh": "评价", "en": "Rate"},
}


class Plan(models.Model):
    """A compiled plan: an immutable graph of nodes, named by the hash of its body; cases pin theirs."""

    hash = models.CharField(max_length=64, unique=True)
    kind = models.CharField(
        max_length=12, choices=[("application", "办件"), ("incident", "案件"), ("ticket", "校核单")]
    )
    key = models.CharField(max_length=120, db_index=True)
    body = models.JSONField()
    created_at = models.DateTimeField()


class Case(RefModel):
    """An application (opened by a person), an incident (by a rule or a report) or a ticket (by data that disagree)."""

    class State(models.TextChoices):
        OPEN = "open"
        SUPPLEMENT = "supplement"
        ACCEPTED = "accepted"
        CLOSED = "closed"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        MERGED = "merged"  # an incident that turned out to be another one (`follows`)

    number = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=12)
    plan = models.ForeignKey(Plan, to_field="hash", on_delete=models.PROTECT)  # pinned by content
    subject = models.ForeignKey("base.Subject", null=True, on_delete=models.PROTECT, related_name="cases")
    title = models.JSONField()
    place = models.ForeignKey("base.Place", null=True, on_delete=models.PROTECT, related_name="cases")
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    h3_9 = models.BigIntegerField(null=True)
    source = models.CharField(max_length=8, choices=[("person", "人"), ("rule", "规则"), ("report", "上报")])
    pack = models.CharField(max_length=40)
    key = models.CharField(max_length=160, unique=True, null=True)
    facts = models.JSONField(default=dict)
    level = models.CharField(max_length=8, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    stage = models.CharField(max_length=10, default="report")
    lead_office = models.ForeignKey(
        "base.Office", null=True, on_delete=models.PROTECT, related_name="lead_cases"
    )
    supervised = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    accept_by = models.DateTimeField(null=True)  # silence after this means accepted from receipt
    accepted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # by law; of an incident: when it should be handled
    limits = models.JSONField(
        default=dict
    )  # of an incident, by level: {minutes} or {working_days} from filing
    promised_at = models.DateTimeField(null=True)  # by the item's own promise
    extended_days = models.SmallIntegerField(default=0)
    # What this case is about, where it comes after another: a change, a renewal, an after-check, a revocation.
    follows = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="followed_by", db_index=False
    )
    follows_as = models.CharField(max_length=12, blank=True)
    assigned_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    handled_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["state"]),  # not its due time: a new holiday moves that of every open case
            models.Index(fields=["kind", "state", "-opened_at"]),
            models.Index(fields=["subject", "-opened_at"]),
            models.Index(fields=["place", "-opened_at"]),
            models.Index(
                fields=["accept_by"], condition=Q(state="open", accept_by__isnull=False), name="cases_silent"
            ),
            models.Index(fields=["follows"], condition=Q(follows__isnull=False), name="cases_after"),
            models.Index(
                fields=["lead_office", "accept_by"],
                condition=Q(state__in=("open", "supplement")),
                name="cases_to_accept",
            ),
            models.Index(
                fields=["lead_office", "-id"],
                condition=Q(state__in=("open", "supplement")),
                name="cases_newest",
            ),
        ]


class Task(RefModel):
    """One node of a case's plan, with its holder, its clock and what came of it.

    `kept` is an approval given before a send-back (退回): it stands again, without a hand, if what it was based on
    comes back the same, and is asked for anew if not.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        READY = "ready"
        ASSIGNED = "assigned"
        ACCEPTED = "accepted"
        ARRIVED = "arrived"
        REPORTED = "reported"
        KEPT = "kept"
        DEFERRED = "deferred"
        DONE = "done"
        CANCELLED = "cancelled"

    # No index of its own where a wider one begins with it, or nobody searches by it: each is written at each act.
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks", db_index=False)
    node = models.CharField(max_length=80)
    label = models.JSONField()
    stage = models.CharField(max_length=20, blank=True)
    by = models.JSONField()
    role = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    waits = models.SmallIntegerField(default=0)
    office = models.ForeignKey("base.Office", null=True, on_delete=models.PROTECT, related_name="tasks")
    crew_office = models.ForeignKey(
        "base.Office", null=True, on_delete=models.PROTECT, related_name="crew_tasks"
    )
    assignee = models.ForeignKey(
        "base.Post", null=True, on_delete=models.PROTECT, related_name="tasks", db_index=False
    )
    because = models.JSONField(default=dict)  # why this crew: the next-best with their times
    verify = models.CharField(max_length=8, blank=True)
    signs_needed = models.SmallIntegerField(
        default=0
    )  # 会签: of the signatures asked for, so many must agree
    attempt = models.SmallIntegerField(default=1)
    declined = models.SmallIntegerField(default=0)
    ready_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    assigned_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    defer_asked = models.JSONField(null=True)  # {until, reason, party, office}: waits for approval
    deferred_until = models.DateTimeField(null=True)
    climbed = models.CharField(max_length=10, blank=True)  # the highest level already told that it is late
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="tasks_done",
        db_index=False,
    )
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="tasks_verified",
        db_index=False,
    )
    outcome = models.CharField(max_length=20, blank=True)
    result = models.JSONField(default=dict)
    input_hash = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "node"], name="one_task_per_node"),
            models.CheckConstraint(condition=Q(waits__gte=0), name="waits_never_negative"),
        ]
        indexes = [
            models.Index(
                fields=["office", "due_at"], condition=Q(state__in=OPEN_TASK_STATES), name="tasks_inbox"
            ),
            models.Index(
                fields=["crew_office", "due_at"], condition=Q(state__in=OPEN_TASK_STATES), name="tasks_crew"
            ),
            models.Index(
                fields=["office", "-case"], condition=Q(state__in=OPEN_TASK_STATES), name="tasks_newest"
            ),
            models.Index(fields=["due_at"], condition=Q(state__in=OPEN_TASK_STATES), name="tasks_late"),
        ]


class Signature(RefModel):
    """会签, 加签: one office's word on another office's task, asked for and given once per attempt."""

    class State(models.TextChoices):
        ASKED = "asked"
        AGREED = "agreed"
        OPPOSED = "opposed"
        ENDED = "ended"  # nobody waits for it any more: the task was decided or sent back

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="signatures")
    attempt = models.SmallIntegerField()
    office = models.ForeignKey("base.Office", on_delete=models.PROTECT, related_name="signatures")
    added = models.BooleanField(default=False)  # 加签: asked for by the deciding office, not by the plan
    why = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField()
    opinion = models.TextField(blank=True)
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "attempt", "office"], name="one_signature"),
        ]
        indexes = [models.Index(fields=["office"], condition=Q(state="asked"), name="signatures_asked")]


class Lacking(RefModel):
    """容缺受理: a material that is still to come, the later nodes that wait for it, and the day it was promised for."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="lacking")
    material = models.CharField(max_length=120)
    label = models.JSONField()
    nodes = models.JSONField()
    due_at = models.DateTimeField()
    told_late_at = models.DateTimeField(null=True)
    supplied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "material"], name="one_lacking")]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(supplied_at__isnull=True, told_late_at__isnull=True),
                name="lacking_late",
            )
        ]


class CaseHold(models.Model):
    """A reason for which a case stays open: a signal not yet cleared, a payment, a supplement."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=40)
    ref = models.CharField(max_length=80, blank=True)
    since = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "reason", "ref"], condition=Q(released_at__isnull=True), name="one_hold"
            )
        ]


class ClockStop(models.Model):
    """Days that do not count: a special procedure, told in writing; `until` is null while it lasts."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="clock_stops")
    ground = models.CharField(max_length=20)
    since = models.DateField()
    until = models.DateField(null=True)  # the first day that counts again
    decided_by = models.ForeignKey("base.Office", null=True, on_delete=models.PROTECT)
    notice = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=Q(until__isnull=True), name="one_running_stop")
        ]


class CaseEvent(models.Model):
    """A line of a case's timeline; only ever added."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="events", db_index=False)
    task = models.ForeignKey(Task, null=True, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=30)
    stage = models.CharField(max_length=10, blank=True)
    who = models.JSONField(default=dict)  # {party, office, role, label}; no party for a rule or the clock
    body = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["case", "id"])]


class Proof(RefModel):
    """A photo or document that shows what was done, with time and place; kept per attempt."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="proofs")
    attempt = models.SmallIntegerField()
    kind = models.CharField(max_length=30)
    file = models.ForeignKey("base.StoredFile", on_delete=models.PROTECT)
    at = models.DateTimeField()
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    party = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    office = models.ForeignKey("base.Office", null=True, on_delete=models.PROTECT)


class Assisting(RefModel):
    """协办: an office that was asked to join in handling an incident beside its lead office (联勤联动)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="assisting")
    office = models.ForeignKey("base.Office", on_delete=models.PROTECT, related_name="assisting")
    wanted = models.CharField(max_length=300)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    result = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "office"], condition=Q(ended_at__isnull=True), name="one_assisting"
            )
        ]


class Supervision(RefModel):
    """督办单: what a duty officer demands of the office that holds a task, and its reply."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="supervisions")
    task = models.ForeignKey(Task, null=True, on_delete=models.PROTECT, related_name="supervisions")
    office = models.ForeignKey(
        "base.Office", null=True, on_delete=models.PROTECT, related_name="supervisions"
    )
    note = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.JSONField(default=dict)  # {party, office, label}
    due_at = models.DateTimeField(null=True)
    reply = models.TextField(blank=True)
    replied_at = models.DateTimeField(null=True)
    replied_by = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(
                fields=["office", "due_at"],
                condition=Q(replied_at__isnull=True),
                name="supervisions_unanswered",
            )
        ]


class Rating(models.Model):
    """What the person thought of it: once per case, voluntary."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="rating")
    score = models.SmallIntegerField()  # 5 非常满意 … 1 非常不满意
    tags = models.JSONField(default=list)
    text = models.TextField(blank=True)
    party = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(score__range=(1, 5)), name="score_1_to_5")]
