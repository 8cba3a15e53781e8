"""Finds keys that occur twice in one batch of any size, in eight bytes of memory a row."""

import secrets

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

RUNS = 8


class Doubles:
    """The keys seen so far in a batch, as 64-bit digests under a secret of this load.

    Two different keys meet by accident once in about a million batches of six million rows; with the secret nobody
    can bring that about. The digests are never stored.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_hex(8)
        self._runs: list[np.ndarray] = []

    def among(self, columns: list[pa.Array]) -> np.ndarray:
        """Which of the next rows have a key that occurred before, bool[n]; a wholly blank key is no key."""
        digests = self._digests(columns)
        said = np.zeros(len(digests), dtype=bool)
        for column in columns:
            said |= np.asarray(pc.not_equal(column, ""))
        places = np.flatnonzero(said)
        order = places[np.argsort(digests[places], kind="stable")]
        ordered = digests[order]
        again = np.zeros(len(ordered), dtype=bool)
        again[1:] = ordered[1:] == ordered[:-1]
        fresh = ordered[~again]
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, ordered), len(run) - 1)
            again |= run[place] == ordered
        if len(fresh):
            self._runs.append(fresh)
        if len(self._runs) > RUNS:
            self._runs = [np.sort(np.concatenate(self._runs))]
        double = np.zeros(len(digests), dtype=bool)
        double[order] = again
        return double

    def _digests(self, columns: list[pa.Array]) -> np.ndarray:
        import pandas as pd  # half a second, which only a process that loads should pay

        total = np.zeros(len(columns[0]), dtype=np.uint64)
        for column in columns:
            text = column.to_numpy(zero_copy_only=False)
            one = pd.util.hash_array(text, hash_key=self._secret, categorize=False)
            total = total * np.uint64(0x9E3779B97F4A7C15) ^ one
        return total
