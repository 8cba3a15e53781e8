"""Readings that wait for those which may still overtake them, in chunks by arrival: while the first leave, the rest rest."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .state import Batch, Params

Int = NDArray[np.int64]

SMALL: Final = 8_192
"""Chunks of fewer readings are joined: each costs some microseconds at every step."""


class Chunk(NamedTuple):
    """Readings that came together: their arrival, their things, and when each has waited long enough; times in µs."""

    batch: "Batch"
    since: Int
    thing: NDArray[np.int32]
    due: Int
    least_at: int
    least_due: int

    @classmethod
    def of(cls, params: "Params", batch: "Batch", since: Int) -> "Chunk":
        """Return readings that arrived at `since` as a chunk, under these parameters."""
        reorder = params.reorder[batch.datastream]
        # What a gateway kept back for longer than `reorder` waits from its arrival: the rest of it may follow in disorder.
        due = np.where(since - batch.at > reorder, since, batch.at) + reorder
        return cls._told(batch, since, params.thing[batch.datastream], due)

    @classmethod
    def _told(cls, batch: "Batch", since: Int, thing: NDArray[np.int32], due: Int) -> "Chunk":
        return cls(batch, since, thing, due, int(batch.at.min()), int(due.min()))

    def pick(self, rows: NDArray[np.bool_]) -> "Chunk":
        """Return the rows of a mask that is somewhere true."""
        return self._told(self.batch.pick(rows), self.since[rows], self.thing[rows], self.due[rows])

    def joined(self, other: "Chunk") -> "Chunk":
        """Return this chunk and another behind it."""
        return Chunk(
            self.batch.joined(other.batch),
            np.concatenate([self.since, other.since]),
            np.concatenate([self.thing, other.thing]),
            np.concatenate([self.due, other.due]),
            min(self.least_at, other.least_at),
            min(self.least_due, other.least_due),
        )


@dataclass(slots=True)
class Held:
    """All readings that wait; `loose` are those which no parameters have sorted in yet (read from a snapshot)."""

    chunks: list[Chunk] = field(default_factory=list)
    loose: "list[tuple[Batch, Int]]" = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(one.due) for one in self.chunks) + sum(len(since) for _, since in self.loose)

    def add(self, params: "Params", batch: "Batch", since: Int) -> None:
        """Let readings wait that arrived at `since` (µs)."""
        if len(since):
            self.chunks = merged([*self.chunks, Chunk.of(params, batch, since)])

    def sorted_in(self, params: "Params") -> list[Chunk]:
        """Return the chunks, with what was loose among them."""
        loose, self.loose = self.loose, []
        for batch, since in loose:
            judged = params.thing[batch.datastream] >= 0  # a thing may have ended meanwhile
            self.add(params, batch.pick(judged), since[judged])
        return self.chunks

    def loosened(self) -> "Held":
        """Return the same readings for other parameters."""
        return Held([], [*((one.batch, one.since) for one in self.chunks), *self.loose])


def merged(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return the chunks with small neighbours joined."""
    found: list[Chunk] = []
    for one in chunks:
        if found and len(found[-1].due) < SMALL and len(one.due) < SMALL:
            found[-1] = found[-1].joined(one)
        else:
            found.append(one)
    return found
