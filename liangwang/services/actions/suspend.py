"""暂停 and 恢复 of a certificate by the office that issued it: nobody counts on it meanwhile, and it is not revoked."""

from datetime import datetime

from liangwang.base import audit, notices
from liangwang.base.access import require, thing_of
from liangwang.base.events import emit
from liangwang.base.hats import Actor
from liangwang.base.labels import Label

from ..models import Certificate
from ..refusals import NotStanding, WhyNeeded


def suspend_certificate(
    *, actor: Actor, certificate: Certificate, because: Label, at: datetime
) -> Certificate:
    """From now on verification says suspended, and why; raises WhyNeeded, NotStanding for one that is not in force."""
    _checked(actor, certificate, because, "update")
    done = Certificate.objects.filter(pk=certificate.pk, revoked_at=None, suspended_at=None).update(
        suspended_at=at, suspended_because=dict(because)
    )
    if not done:
        raise NotStanding
    _tell(actor, certificate, "suspended", because, at)
    return certificate


def resume_certificate(
    *, actor: Actor, certificate: Certificate, because: Label, at: datetime
) -> Certificate:
    """It counts again; raises WhyNeeded, and NotStanding for one that is not suspended."""
    _checked(actor, certificate, because, "update")
    done = Certificate.objects.filter(pk=certificate.pk, revoked_at=None, suspended_at__isnull=False).update(
        suspended_at=None, suspended_because={}
    )
    if not done:
        raise NotStanding
    _tell(actor, certificate, "resumed", because, at)
    return certificate


TOLD: dict[str, Label] = {
    "suspended": {"zh": "证照已暂停使用", "en": "Your certificate is suspended"},
    "resumed": {"zh": "证照已恢复使用", "en": "Your certificate counts again"},
}


def _checked(actor: Actor, certificate: Certificate, because: Label, verb: str) -> None:
    require(actor, verb, thing_of("certificate", certificate))
    if not because["zh"].strip():
        raise WhyNeeded


def _tell(actor: Actor, certificate: Certificate, what: str, because: Label, at: datetime) -> None:
    body = {"what": what, "because": because}
    audit.record(actor, "update", thing_of("certificate", certificate), at=at, body=body)
    key = f"{what}/{certificate.ref}/{at.isoformat()}"
    emit(f"certificate.{what}", certificate.ref, at, {"type": certificate.type}, key=key)
    _inform(certificate, what, because, at)


def _inform(certificate: Certificate, what: str, because: Label, at: datetime) -> None:
    label, title, office = certificate.body["label"], TOLD[what], certificate.office.name
    notices.notify(
        to=certificate.kept_by,
        template=f"certificate.{what}",
        title={"zh": f"{label['zh']}：{title['zh']}", "en": f"{label['en']}: {title['en']}"},
        body={
            "zh": f"{office['zh']}：{because['zh']}。不服可依法申请行政复议或提起行政诉讼。",
            "en": f"{office['en']}: {because['en']}. You may apply for reconsideration or sue as the law provides.",
        },
        at=at,
        key=f"certificate/{what}/{certificate.ref}/{at.isoformat()}",
        link=f"/certificates/{certificate.ref}/",
    )
