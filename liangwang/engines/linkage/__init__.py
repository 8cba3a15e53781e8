"""Which records are of one person when no number says so: Splink behind Arrow tables, with clusters that refuse contradictions.

Input columns of every table (all but `id` may be absent or null; null = unknown, never = different):

| column | type | is |
| --- | --- | --- |
| `id` | int64, unique | the row; of a register: the subject id |
| `source` | string | who delivered it: a source that never repeats a person never has two records of one |
| `identity` | token | a valid identity number: different ones are never joined; equal ones do not score |
| `name` | string | normalised, in the clear: 欧阳建国 |
| `surname` | string | its surname: 欧阳 |
| `pinyin` | string | readings of the whole name without tones, always with the same separator: ou yang jian guo |
| `birth` | date32 | |
| `sex` | string | m, f |
| `phone` | token | the whole number; may be a keyed hash |
| `phone_0` … `phone_9` | token | the number without one window of digits (`phone_windows`), each its own hash |
| `road`, `lane`, `building`, `room` | token | the address down to that level *with* all above; null below what is known |

Tokens are only compared for equality, so that a register may hold keyed hashes of phones and addresses. The parts
of names and birth dates that the engine needs are made here from the columns in the clear.

    link(rows, register, model)                      # a whole register: best candidates with score and rank
    candidates(rows, touched, model, population=n)   # a live batch: `touched` = register rows that share a `blocking_keys` key
    dedupe(records, train(records))                  # pairs and clusters
"""

from .columns import BLOCK_MAX, PHONE_WINDOWS, RULES, blocking_keys, phone_windows
from .doors import candidates, check, dedupe, link
from .model import Model, train

__all__ = [
    "BLOCK_MAX",
    "PHONE_WINDOWS",
    "RULES",
    "Model",
    "blocking_keys",
    "candidates",
    "check",
    "dedupe",
    "link",
    "phone_windows",
    "train",
]
