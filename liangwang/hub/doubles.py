"""Finds keys that occur twice in one batch of any size, in eight bytes of memory a row."""

import secrets

import numpy as np
import pandas as pd
import pyarrow as pa

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
        _, first = np.unique(digests, return_index=True)
        double = np.ones(len(digests), dtype=bool)
        double[first] = False
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, digests), len(run) - 1)
            double |= run[place] == digests
        blank = np.ones(len(digests), dtype=bool)
        for column in columns:
            blank &= column.to_numpy(zero_copy_only=False) == ""
        fresh = np.unique(digests[~blank])
        if len(fresh):
            self._runs.append(fresh)
        if len(self._runs) > RUNS:
            self._runs = [np.unique(np.concatenate(self._runs))]
        found: np.ndarray = double & ~blank
        return found

    def _digests(self, columns: list[pa.Array]) -> np.ndarray:
        total = np.zeros(len(columns[0]), dtype=np.uint64)
        for column in columns:
            text = column.to_numpy(zero_copy_only=False)
            one = pd.util.hash_array(text, hash_key=self._secret, categorize=False)
            total = total * np.uint64(0x9E3779B97F4A7C15) ^ one
        return total
