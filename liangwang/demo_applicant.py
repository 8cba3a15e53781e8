"""An applicant of the demo day: fills in an item's draft through the public API, as an app on her phone would."""

import secrets
import struct
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import numpy as np

from liangwang.base.working_days import local_day

NOBODYS_ACCOUNT = "0" * 16  # no bank issues a card that begins with 0 (ISO/IEC 7812-1)
ALONE = {"parents": "mother_alone"}  # nobody else is there to authorise
MOST_ROUNDS = 8  # one answer can bring up another question


class Phone(Protocol):
    """What an app does: reads, posts JSON, uploads a file; the answer is JSON."""

    def read(self, path: str) -> dict[str, Any]: ...

    def post(self, path: str, body: object, *, key: str = "") -> dict[str, Any]: ...

    def upload(self, path: str, name: str, content: bytes) -> dict[str, Any]: ...


class Applicant(NamedTuple):
    """Who applies, in words that forms ask for, and her youngest child."""

    name: str
    identity: str
    phone: str
    address: str
    child: str
    child_sex: str
    child_born: str


class Stuck(RuntimeError):
    """The form asks for something that this applicant cannot give; the draft stays."""


def apply(phone: Phone, item: str, who: Applicant, random: np.random.Generator, at: datetime) -> str:
    """Fills in and submits one item (pack:key); returns the case number. Raises Stuck."""
    draft = f"/api/v1/drafts/{phone.post('/api/v1/drafts', {'item': item})['draft']}"
    seen = phone.read(draft)
    for _ in range(MOST_ROUNDS):
        open_questions = [q for q in seen["questions"] if not q["answer"]]
        if not open_questions:
            break
        answers = {q["question"]["question"]: _option(q, random) for q in open_questions}
        phone.post(f"{draft}/questions", answers)
        seen = phone.read(draft)
    for page in seen["pages"]:
        answers = {f["ask"]["id"]: f["value"] or value_of(f["ask"], who, random, at) for f in page["fields"]}
        if answers:
            phone.post(f"{draft}/pages/{page['key']}", answers)
    for row in seen["materials"]:
        need = row["need"]
        if need["required"] and not row["file"] and not row["committed"]:
            phone.upload(f"{draft}/materials/{need['id']}", "photo.png", picture(random))
    seen = phone.read(draft)
    if not seen["ready"]:
        raise Stuck(f"{item}: {seen['missing']}")
    return str(phone.post(f"{draft}/submit", None, key=secrets.token_hex(16))["number"])


def _option(question: dict[str, Any], random: np.random.Generator) -> str:
    if question["suggested"]:
        return str(question["suggested"]["option"])
    options = question["question"]["options"]
    alone = ALONE.get(question["question"]["question"])
    if alone in {one["option"] for one in options}:
        return str(alone)
    return str(options[int(random.integers(len(options)))]["option"])


def value_of(ask: dict[str, Any], who: Applicant, random: np.random.Generator, at: datetime) -> str:
    """A plausible answer to one field, by its concept, else by its kind."""
    told = {
        "person.name": who.name,
        "person.identity_number": who.identity,
        "person.phone": who.phone,
        "person.address": who.address,
        "person.household_address": who.address,
        "delivery.address": who.address,
        "delivery.recipient": who.name,
        "delivery.phone": who.phone,
        "child.name": who.child,
        "child.sex": who.child_sex,
        "child.birth_date": who.child_born,
        "child.birth_time": "08:20",
        "child.birth_weight": str(int(random.integers(2600, 4000))),
        "child.birth_length": str(int(random.integers(47, 53))),
        "child.gestation_weeks": "39",
        "person.bank_account": NOBODYS_ACCOUNT,
        "child.birth_order": "1",
    }
    if ask["concept"] in told:
        return told[ask["concept"]]
    if ask["choices"]:
        return str(ask["choices"][int(random.integers(len(ask["choices"])))]["value"])
    if ask["kind"] == "yes_no":
        return "yes"
    if ask["kind"] == "date":
        return (local_day(at) - timedelta(days=int(random.integers(1, 20)))).isoformat()
    if ask["kind"] in {"whole", "number", "money"}:
        return str(int(ask["minimum"] or 1))
    return "演示填写"


def picture(random: np.random.Generator, size: int = 48) -> bytes:
    """A small PNG (ISO/IEC 15948) that stands for a photograph of a paper; no two are alike."""
    pixels = random.integers(150, 255, (size, size), dtype=np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, data)
        for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def multipart(name: str, content: bytes) -> tuple[bytes, str]:
    """A body of multipart/form-data with one file field called `file`, and its content type."""
    boundary = secrets.token_hex(12)
    parts: Iterable[bytes] = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode(),
        b"Content-Type: image/png\r\n\r\n",
        content,
        f"\r\n--{boundary}--\r\n".encode(),
    )
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"
