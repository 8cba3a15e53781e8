"""A district with the offices of a newborn child, two parents with logins, and answers that fit."""

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count

from PIL import Image

from liangwang.base.hats import Actor
from liangwang.base.models import Office, Party, Person, Place
from liangwang.base.subjects import register_person
from tests.cases.factories import make_actor, make_office, make_place

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Monday, 9:00 in the city
_serial = count(1)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

USUAL = {
    "i_am": "mother",
    "parents": "both",
    "born_in": "here",
    "marriage": "married",
    "registers_with": "mother",
    "household": "family",
    "mother_from": "here",
    "father_from": "here",
    "maternity": "insured",
}
ANSWERS = {
    "applicant": {"applicant.phone": "13800000001"},
    "child": {
        "child.name": "林安",
        "child.sex": "f",
        "child.birth_date": "2026-11-18",
        "child.birth_time": "07:25",
        "child.birth_hospital": "长宁区妇幼保健院",
        "child.birth_weight": "3250",
        "child.gestation_weeks": "39",
        "child.ethnicity": "汉族",
        "child.native_place": "浙江省绍兴市",
        "child.social_card_bank": "上海银行",
        "child.vaccination_clinic": "江苏路街道社区卫生服务中心",
    },
    "mother": {
        "mother.ethnicity": "汉族",
        "mother.address": "长宁路515号3号楼402室",
        "mother.household_address": "长宁路515号3号楼402室",
        "mother.maternity_delivery_kind": "natural",
        "mother.maternity_admitted_on": "2026-11-17",
        "mother.maternity_discharged_on": "2026-11-21",
        "mother.bank_name": "上海银行",
        "mother.bank_account": "6222021001112223334",
    },
    "father": {"father.ethnicity": "汉族", "father.address": "长宁路515号3号楼402室"},
    "household": {
        "household.head_name": "林晓",
        "household.relation_to_head": "child",
        "household.page_delivery": "post",
    },
    "delivery": {"delivery.recipient": "林晓", "delivery.address": "长宁路515号3号楼402室"},
}


def identity_number(serial: int, born: str = "19900101") -> str:
    """A valid fictitious number with region 310105."""
    body = f"310105{born}{serial:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def make_parent(name: str, sex: str, home: Place) -> tuple[Person, Actor, str]:
    """A person with a login, her own hat, and her identity number."""
    n = next(_serial)
    number = identity_number(100 + n)
    person = register_person(
        at=AT,
        name=name,
        sex=sex,
        birth_on=date(1990, 1, 1),
        identity=number,
        phone=f"1380000{n:04d}",
        home=home,
    )
    party = Party.objects.create(
        login_name=f"parent-{n}", subject=person.subject, label={"zh": name, "en": name}
    )
    actor = Actor(
        hat="self", role="resident", label={"zh": "本人", "en": "myself"}, key="self", party_id=party.pk,
        party_ref=party.ref, subject_id=person.pk, for_subject_id=person.pk, assurance="strong",
    )  # fmt: skip
    return person, actor, number


def picture(colour: str = "white", name: str = "page.png") -> tuple[io.BytesIO, str]:
    """A small real picture to hand in."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    return io.BytesIO(out.getvalue()), name


@dataclass
class Town:
    """The offices of a district and two parents who live there."""

    home: Place
    offices: dict[str, Office]
    approvers: dict[str, Actor]
    mother: Person
    father: Person
    mother_actor: Actor
    father_actor: Actor
    father_number: str


def make_town() -> Town:
    city = make_place("99", "city")
    district = make_place("990105", "district", city)
    street = make_place("990105012", "street", district)
    home = make_place("990105012001", "neighbourhood", street, kind="residents_committee")
    names = ("health", "public_security", "medical_insurance", "human_resources")
    offices = {name: make_office(f"{name}-d", district, name) for name in names}
    offices["public_security_city"] = make_office("public_security-c", city, "public_security")
    approvers = {name: make_actor(office, "approver") for name, office in offices.items()}
    mother, mother_actor, _ = make_parent("林晓", "f", home)
    father, father_actor, father_number = make_parent("周正", "m", home)
    return Town(home, offices, approvers, mother, father, mother_actor, father_actor, father_number)
