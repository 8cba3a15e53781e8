"""Which office a node of a plan belongs to: competence by department or role, level and place."""

from dataclasses import dataclass, field

from liangwang.base.labels import Label
from liangwang.base.models import Office, Place

from .declare import By, PlanNode
from .refusals import NoOffice

CODE_LENGTHS = (2, 6, 9, 12)
NEAREST_FIRST = {"street": 0, "district": 1, "city": 2}


def prefixes(code: str) -> list[str]:
    """A place's code and those of all places around it.

    >>> prefixes("310105012001")
    ['31', '310105', '310105012', '310105012001']
    """
    return [*(code[:n] for n in CODE_LENGTHS if n < len(code)), code]


@dataclass
class Competence:
    """Answers for one case's place; offices around it are read once."""

    place: Place | None
    lead: Office | None
    _around: list[Office] | None = field(default=None, repr=False)

    def around(self) -> list[Office]:
        """Living offices whose territory holds the place, the nearest level first."""
        if self._around is None:
            rows = Office.objects.filter(ended_at=None).exclude(kind__in=["crew", "counter", "institution"])
            if self.place is not None:
                rows = rows.filter(place__code__in=prefixes(self.place.code))
            self._around = sorted(rows, key=lambda office: (NEAREST_FIRST.get(office.level, 9), office.pk))
        return self._around

    def office_for(self, node: PlanNode) -> Office | None:
        """The competent office of a node; crews, anyone, rules and signals stay with the lead office.

        Raises NoOffice where a department, role or named office is wanted and there is none.
        """
        return self.office_by(node.by, node.label)

    def office_by(self, by: By, label: Label) -> Office | None:
        """The office that a `by` names here; `label` is what a NoOffice says it was wanted for."""
        if by.office:
            return self._must(label, Office.objects.filter(key=by.office, ended_at=None).first(), by.office)
        if by.department:
            return self._must(label, self._department(by.department, by.level), by.department)
        if by.role and by.level:
            return self._must(label, self.centre(by.level), f"{by.role} · {by.level}")
        return self.lead

    def centre(self, level: str) -> Office | None:
        """The operations centre of a level here, or the subdistrict where it has none."""
        at_level = [office for office in self.around() if office.level == level]
        for kind in (Office.Kind.OPERATIONS_CENTRE, Office.Kind.SUBDISTRICT):
            for office in at_level:
                if office.kind == kind:
                    return office
        return None

    def _department(self, department: str, level: str | None) -> Office | None:
        if self.lead and self.lead.department == department and level in (None, self.lead.level):
            return self.lead
        fitting = (o for o in self.around() if o.department == department and level in (None, o.level))
        return next(fitting, None)

    def _must(self, label: Label, office: Office | None, wanted: str) -> Office:
        if office is None:
            raise NoOffice(task=label["zh"], task_en=label["en"], by=wanted)
        return office


def is_competent(office: Office, node: PlanNode, holder: Office | None) -> bool:
    """Whether a node may be passed on to an office: of the department that the plan asks for, else of its holder's."""
    wanted = node.by.department or (holder.department if holder else None)
    return office.ended_at is None and office.department == wanted
