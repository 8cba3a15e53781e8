"""A submission's receipt: made when its entry has been sequenced, verified by anyone, offline."""

import sys
from pathlib import Path
from typing import ClassVar

from . import checkpoints, merkle, proofs
from .checkpoints import BadNote
from .errors import Refusal
from .labels import Label
from .models import AuditEntry, Checkpoint
from .proofs import Verified
from .sequencer import folder, public_keys, tiles


class NotYet(Refusal):
    """The entry waits for the sequencer, which runs every second."""

    status, code = 409, "receipt_not_yet"
    template: ClassVar[Label] = {
        "zh": "回执正在生成，请过几秒再试",
        "en": "The receipt is being made; try again in a few seconds",
    }


class EntryErased(Refusal):
    """The entry's content was erased by law; its place in the log stays provable, its words are gone."""

    status, code = 410, "entry_erased"
    template: ClassVar[Label] = {
        "zh": "这条记录的内容已依法删除",
        "en": "The content of this record has been erased by law",
    }


def receipt(entry_id: int) -> str:
    """The receipt of an audit entry under the newest cosigned head; raises NotYet, EntryErased."""
    entry = AuditEntry.objects.get(pk=entry_id)
    if entry.idx is None:
        raise NotYet
    if entry.body is None or entry.salt is None:
        raise EntryErased
    heads = Checkpoint.objects.filter(size__gt=entry.idx).order_by("-size")
    head = next((one for one in heads[:50] if one.cosigners), None)
    kept = tiles()
    if head is None or kept.size() < head.size:
        raise NotYet
    path = merkle.inclusion(entry.idx, head.size, kept.subtree)
    return proofs.write(entry.idx, bytes(entry.salt), bytes(entry.body), path, head.note)


def check(text: str) -> Verified:
    """What a receipt proves under this city's own keys (the receipt page); raises BadReceipt."""
    return proofs.verify(text, public_keys())


def verify_receipt(file: str, keys: str = "") -> int:
    """The command: verifies a receipt with a file of public keys alone; 0 when it holds."""
    key_file = Path(keys) if keys else folder() / "keys.txt"
    out = sys.stdout.write
    try:
        text = Path(file).read_text(encoding="utf-8")
        found = proofs.verify(text, proofs.read_keys(key_file.read_text(encoding="utf-8")))
    except (OSError, BadNote, Refusal) as error:
        said = error.message("zh") + " · " + error.message("en") if isinstance(error, Refusal) else str(error)
        out(f"✗ {said}\n")
        return 1
    head: checkpoints.Checkpoint = found.checkpoint
    out(f"✓ 回执有效 · the receipt holds: {head.origin} #{found.idx} / {head.size}\n")
    out(f"  联署 cosigned by: {', '.join(found.cosigners)}\n")
    for name, value in found.entry.items():
        out(f"  {name}: {value}\n")
    return 0
