"""What the named people hold already (certificates of before), and the gates where codes are checked."""

from datetime import datetime, timedelta
from pathlib import Path

from liangwang.base.hats import platform
from liangwang.base.models import Office, Party, Place, Subject
from liangwang.services import gate_list
from liangwang.services.actions import enter_certificate
from liangwang.services.models import Certificate
from liangwang.services.models_codes import Gate

from .demo_hats import cast

HELD = (("identity_card", "public_security"), ("household_book", "public_security"))
MARRIED = ("marriage_certificate", "civil_affairs")
ISSUED_BEFORE = timedelta(days=900)
GATES = (
    ("compound", {"zh": "小区东门", "en": "East gate of the compound"}),
    ("service_centre", {"zh": "社区事务受理服务中心", "en": "Community affairs service centre"}),
    ("clinic", {"zh": "社区卫生服务中心", "en": "Community health centre"}),
)


def load_papers(city_dir: Path, *, at: datetime) -> int:
    """Enters identity cards, household registers and marriage certificates of the named people; how many were made.

    Each comes from the district office of where its holder lives, and says so wherever it spares a paper.
    """
    before = Certificate.objects.count()
    for row in cast(city_dir)["people"]:
        holder = Party.objects.get(login_name=row["login"]).subject
        assert holder is not None
        for kind, department in (*HELD, *([MARRIED] if "spouse" in row else [])):
            _enter(holder, kind, department, str(row["at"]), at)
    return Certificate.objects.count() - before


def _enter(holder: Subject, kind: str, department: str, lives_at: str, at: datetime) -> None:
    office = Office.objects.filter(
        department=department, level="district", kind="department", place__code=lives_at[:6]
    ).first()
    if office is not None:
        actor = platform("demo")
        enter_certificate(
            actor=actor, type=kind, subject=holder, office=office, issued_at=at - ISSUED_BEFORE, at=at
        )


def load_gates(street: str) -> int:
    """Opens three gates in the demo street; returns how many are new."""
    before = Gate.objects.count()
    place = Place.objects.get(code=street)
    office = Office.objects.filter(place=place, kind="subdistrict").first()
    for key, name in GATES:
        label = {"zh": f"{place.name['zh']}{name['zh']}", "en": f"{place.name['en']}: {name['en']}"}
        gate_list.open_gate(key=f"{street}-{key}", name=label, place=place, office=office)  # type: ignore[arg-type]
    return Gate.objects.count() - before
