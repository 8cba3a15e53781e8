"""Makes liangwang/hub/link_model.json, the model that a city links by until it trains its own. Same run, same file.

Usage, from the root: python -m scripts.link_model (half a minute, 2 GB). The records are those of benchmarks/dirty_records.py
under a seed of its own: not the exam's, nor the one on which the thresholds were chosen.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.dirty_records import dedupe_exam
from benchmarks.linkage import features
from liangwang.engines import linkage

FILE = Path(__file__).resolve().parent.parent / "liangwang" / "hub" / "link_model.json"
SEED, PERSONS, RECORDS = 8, 200_000, 500_000
NAMES = 5_000  # the frequent names; every other one counts as equally rare
ORIGIN = {
    "zh": "由虚构人物的记录训练，不含任何真人；请用 liangwang train-links 以本市数据另行训练",
    "en": "trained on records of invented people, nobody's data; train your own with liangwang train-links",
}


def main() -> int:
    """Trains, and writes the file."""
    exam = dedupe_exam(SEED, PERSONS, RECORDS)
    model = linkage.train(features(exam.table), NAMES)
    made_of = {"seed": SEED, "persons": PERSONS, "records": RECORDS}
    found = {"origin": {**ORIGIN, "made_of": made_of}, "model": asdict(model)}
    text = json.dumps(found, ensure_ascii=False, sort_keys=True, indent=1)
    FILE.write_text(text + "\n", encoding="utf-8")
    print(model.version)
    return 0


if __name__ == "__main__":
    sys.exit(main())
