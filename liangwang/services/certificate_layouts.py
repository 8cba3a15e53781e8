"""The schema of certificates.yaml: how an office's certificates look and what they say; others have the common layout."""

from typing import Annotated, Literal

from liangwang.base.declare import declaration_file, reference
from liangwang.base.labels import Label
from liangwang.base.packs import declarations

from .declare import Shape

FILE = "certificates.yaml"


class CertificateLayout(Shape, frozen=True, kw_only=True):
    """The words of one type of certificate, over {holder} and {label}, and the values that it states, in order.

    `form`: a framed A4 sheet, or a card of ID-1 size, on which the first rows alone have room.
    """

    certificate: Annotated[str, reference("materials.csv")]
    form: Literal["a4", "card"] = "a4"
    text: tuple[Label, ...]
    shows: tuple[Annotated[str, reference("concepts.csv")], ...]
    remark: Label | None = None


declaration_file(FILE, tuple_of=CertificateLayout, owner="services")

COMMON = CertificateLayout(
    certificate="",
    text=(
        {"zh": "{holder}：", "en": "To {holder}:"},
        {
            "zh": "经依法办理，核发{label}，所载内容如下。",
            "en": "The {label} is issued according to law; it states the following.",
        },
    ),
    shows=(
        "person.name", "person.sex", "person.birth_date", "child.name", "child.sex", "child.birth_date",
        "child.birth_time", "child.birth_hospital", "child.ethnicity", "person.ethnicity", "person.identity_number",
        "insurance.category", "insurance.start_on", "company.name", "company.credit_code", "company.scope",
        "premises.address",
    ),
)  # fmt: skip


def layout_of(type: str) -> CertificateLayout:
    """The layout that an office has declared for this type, else the common one."""
    found = (d.value for d in declarations(FILE) if d.key == type)
    return next(found, COMMON)
