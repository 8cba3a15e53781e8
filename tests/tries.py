"""How many examples a property test tries: a third in `make test`, all of them in `make test-all`."""

import os

LEAST = 3


def tries(full: int) -> int:
    """The number of examples for this run, of `full`."""
    return full if os.environ.get("EXAMPLES") == "all" else max(LEAST, full // 3)
