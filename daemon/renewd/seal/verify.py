"""What verifying finds: rows held against their hashes, and the tree over those against checkpoints, ours and others'."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from renewd.seal.keys import PublicKey
from renewd.seal.leaf import leaf_hash
from renewd.seal.note import Checkpoint, Sealed
from renewd.seal.tree import Tree

_SEQUENCE = b'{"sequence":%d,'


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in plain words, and the first row (by sequence) that it concerns."""

    sequence: int
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a verification. `unsealed` rows are too new to be sealed; nothing is said of them.

    `signed` counts the checkpoints that one of the keys signed, `unsigned_first` the rows that were sealed before the first
    of these, which covers them as they were when it was made; `held` the outside ones that the log was held against,
    `beyond` those outside ones that lie before the rows that were read. `archived` rows are in an archive that was not
    read. `size` and `root` are those of the tree over all that is sealed.
    """

    rows: int
    size: int
    root: bytes
    unsealed: int
    archived: int
    checkpoints: int
    signed: int
    unsigned_first: int
    held: int
    beyond: int
    findings: tuple[Finding, ...]


def misfits(lines: Mapping[int, bytes], leaves: Mapping[int, bytes], sealed_to: int) -> Iterator[Finding]:
    """Find the rows, given as what is hashed, that do not fit the hashes they were sealed with."""
    changed = [each for each in lines.keys() & leaves.keys() if leaf_hash(lines[each]) != leaves[each]]
    for sequence in sorted(lines.keys() | leaves.keys()):
        if sequence not in lines:
            yield Finding(sequence, f"row {sequence} was deleted")
        elif sequence not in leaves:
            if sequence <= sealed_to:
                yield Finding(
                    sequence, f"row {sequence} was inserted: it was not there when its neighbours were sealed"
                )
        elif leaf_hash(lines[sequence]) != leaves[sequence]:
            twin = _twin(sequence, changed, lines, leaves)
            what = f"now holds what row {twin} was sealed with: they were swapped" if twin else "was changed"
            yield Finding(sequence, f"row {sequence} {what}")


def _twin(
    sequence: int, changed: Iterable[int], lines: Mapping[int, bytes], leaves: Mapping[int, bytes]
) -> int | None:
    rest = lines[sequence].removeprefix(_SEQUENCE % sequence)
    return next((each for each in changed if leaf_hash(_SEQUENCE % each + rest) == leaves[each]), None)


class _Signatures:
    """Looks at one checkpoint after the other: a key may come late, but what follows a signed one must be signed."""

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = keys
        self._bare: tuple[int, int] | None = (
            None  # rows whose checkpoints are not signed, though earlier ones are
        )
        self.signed = self.unsigned_first = 0

    def check(self, sealed: Sealed, start: int) -> Iterator[Finding]:
        """Find what is wrong with a checkpoint over the rows from `start`, and with those before it."""
        verdicts = [each.signed(sealed.checkpoint) for each in self._keys]
        if False in verdicts:
            yield Finding(start, f"the checkpoint over rows {start} to {sealed.last} has a false signature")
        elif True in verdicts:
            yield from self._bared()
            self.signed += 1
        elif self.signed:
            self._bare = (self._bare[0] if self._bare else start, sealed.last)
        elif self._keys:
            self.unsigned_first = sealed.checkpoint.size

    def end(self) -> Iterator[Finding]:
        """Find what is wrong once there are no more checkpoints."""
        yield from self._bared()
        if self.unsigned_first and not self.signed:
            yield Finding(
                1,
                f"no checkpoint is signed with the key that was given. If the key is new: the next one signs for all "
                f"{self.unsigned_first} rows; if it is not: they were sealed anew",
            )

    def _bared(self) -> Iterator[Finding]:
        if self._bare:
            yield Finding(
                self._bare[0],
                f"the rows {self._bare[0]} to {self._bare[1]} are sealed, but not signed with the key that was given, "
                "as those before them are: they were sealed anew, or by a daemon that lacked the key",
            )
        self._bare = None


class Chain:
    """Builds the tree anew from the hashes of all rows in order, and holds it against every checkpoint on the way."""

    def __init__(self, base: Sealed | None, keys: Sequence[PublicKey], outside: Sequence[Checkpoint]) -> None:
        """Begin after `base`, the checkpoint up to which the rows are elsewhere; `outside` are checkpoints kept elsewhere.

        Raises ValueError when the edge of the base's tree is none.
        """
        self._tree = Tree.unpacked(base.checkpoint.size, base.edge) if base else Tree()
        self._signatures = _Signatures(keys)
        forged = [each for each in outside if any(key.signed(each) is False for key in keys)]
        waiting = sorted((each for each in outside if each not in forged), key=lambda each: each.size)
        self._outside = deque(each for each in waiting if each.size >= self._tree.size)
        self.beyond = len(waiting) - len(self._outside)
        self._last = base.last if base else 0
        self._agreed = self._last  # up to this row the log is as an outside checkpoint has it
        self._newest: Sealed | None = None
        self._lost = self._belied = False
        self.checkpoints = self.held = 0
        self.findings = [
            Finding(
                0, f"the outside checkpoint of {each.size} rows has a false signature: it is none of this log"
            )
            for each in forged
        ]
        if base:
            self._check(base)
        self._meet()

    @property
    def tree(self) -> Tree:
        """The tree so far."""
        return self._tree

    @property
    def signed(self) -> int:
        """See `Report`."""
        return self._signatures.signed

    @property
    def unsigned_first(self) -> int:
        """See `Report`."""
        return self._signatures.unsigned_first if self.signed else 0

    def add(self, sequences: Sequence[int], leaves: Sequence[bytes], sealed: Iterable[Sealed]) -> None:
        """Go on with the hashes of these rows, and the checkpoints that were made within them."""
        start = 0
        for each in sealed:
            end = bisect_right(sequences, each.last)
            self._extend(sequences[start:end], leaves[start:end])
            start = end
            self._check(each)
        self._extend(sequences[start:], leaves[start:])

    def end(self) -> None:
        """Say what is missing, now that there are no more rows."""
        size, newest = self._tree.size, self._newest
        sealed = newest.checkpoint.size if newest else 0
        if size > sealed and not self._lost:
            self._find(
                newest.last + 1 if newest else 1,
                f"{size - sealed} rows have hashes, and the checkpoint over them is gone",
            )
        self.findings += self._signatures.end()
        if self._outside and not self._belied:
            most = self._outside[-1].size
            self._find(
                self._last + 1,
                f"the log ends with its row number {size}; an outside checkpoint has {most}: the end was cut off",
            )

    def _extend(self, sequences: Sequence[int], leaves: Sequence[bytes]) -> None:
        start = 0
        while self._outside and self._outside[0].size <= self._tree.size + len(leaves) - start:
            end = start + self._outside[0].size - self._tree.size
            self._grow(sequences[start:end], leaves[start:end])
            start = end
            self._meet()
        self._grow(sequences[start:], leaves[start:])

    def _grow(self, sequences: Sequence[int], leaves: Sequence[bytes]) -> None:
        self._tree.extend(leaves)
        if sequences:
            self._last = sequences[-1]

    def _meet(self) -> None:
        """Hold the tree against the outside checkpoints of its size."""
        while self._outside and self._outside[0].size <= self._tree.size:
            outside = self._outside.popleft()
            self.held += 1
            if outside.root == self._tree.root:
                self._agreed = self._last
            elif not self._belied:
                self._belied = True
                self._find(
                    self._agreed + 1,
                    f"the rows {self._agreed + 1} to {self._last} are not those of the outside checkpoint of "
                    f"{outside.size} rows: some were changed since",
                )

    def _check(self, sealed: Sealed) -> None:
        """Hold the tree against a checkpoint of the database."""
        before, self._newest = self._newest, sealed
        start = before.last + 1 if before else 1
        self.checkpoints += 1
        self.findings += self._signatures.check(sealed, start)
        if not self._lost:
            self._compare(sealed, start)

    def _compare(self, sealed: Sealed, start: int) -> None:
        rows, missing = f"rows {start} to {sealed.last}", sealed.checkpoint.size - self._tree.size
        if missing > 0:
            self._find(start, f"{missing} of the {rows} are gone, and their hashes too")
        elif missing < 0:
            self._find(start, f"{-missing} of the {rows} were put in later, with hashes of their own")
        elif self._tree.root != sealed.checkpoint.root:
            self._find(
                start,
                f"the {rows} are not those that the checkpoint over them was made for: some were changed with their hashes, or the checkpoint was",
            )
        elif self._tree.packed() != sealed.edge:
            self._find(
                start, f"the edge of the tree that is kept with the checkpoint over {rows} was changed"
            )
        else:
            return
        try:
            self._tree = Tree.unpacked(sealed.checkpoint.size, sealed.edge)
        except ValueError:
            self._lost = True
        self._lost |= self._tree.root != sealed.checkpoint.root

    def _find(self, sequence: int, what: str) -> None:
        self.findings.append(Finding(sequence, what))
