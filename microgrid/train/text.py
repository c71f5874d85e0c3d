"""Text as numbers: a vocabulary, one-hot vectors, and a file read as a stream of chunks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import functional as F
from ..saving.document import check_fields, whole_number
from ..wording import short

__all__ = ["Chunk", "TextStream", "Vocabulary", "words"]

_BLOCK = 1 << 16  # characters read at a time


class Vocabulary:
    """Items (characters or words) and their indices.

    >>> vocabulary = Vocabulary("helo")
    >>> vocabulary.encode("hello"), vocabulary.decode([0, 1, 2, 2, 3])
    ([0, 1, 2, 2, 3], 'hello')
    >>> vocabulary.one_hot("e")
    [0.0, 1.0, 0.0, 0.0]
    >>> vocabulary.encode("hallo")
    Traceback (most recent call last):
    ...
    ValueError: 'a' is not in the vocabulary h, e, l, o
    """

    def __init__(self, items: Iterable[str]) -> None:
        self.items = list(items)
        self._index = {item: i for i, item in enumerate(self.items)}
        if not self.items:
            raise ValueError("a vocabulary needs at least one item, got none")
        if len(self._index) != len(self.items):
            raise ValueError(f"a vocabulary lists each item once, got {self.items!r}")

    @classmethod
    def of(cls, texts: Iterable[Iterable[str]]) -> Vocabulary:
        """The sorted items of some texts.

        >>> Vocabulary.of(["rat", "cat"]).items
        ['a', 'c', 'r', 't']
        """
        return cls(sorted(set().union(*texts)))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[str]:
        return iter(self.items)

    def index(self, item: str) -> int:
        """The item's place; ValueError for one that is not in the vocabulary."""
        try:
            return self._index[item]
        except KeyError:
            shown = [_visible(known) for known in self.items[:40]]
            shown += [f"... ({len(self)} in all)"] if len(self) > 40 else []
            message = f"{item!r} is not in the vocabulary {', '.join(shown)}"
            raise ValueError(message) from None

    def encode(self, items: Iterable[str]) -> list[int]:
        """Indices of a string's characters, or of a list of words."""
        return [self.index(item) for item in items]

    def decode(self, indices: Iterable[int]) -> str:
        """The items at some indices, joined."""
        return "".join(self.items[i] for i in indices)

    def one_hot(self, item: str) -> list[float]:
        """A vector of zeros with 1 at the item's place."""
        return F.one_hot(self.index(item), len(self))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive characters and, for each, the one that follows."""

    inputs: list[int]
    targets: list[int]
    first: bool  # the text begins here: a carried state is to be forgotten


class TextStream:
    """A UTF-8 file of any size as chunks of `length` characters, over and over.

    The file is scanned once for its vocabulary and is never held in memory. Chunks are
    all of one length (a shorter rest at the end is left out); in a file of fewer
    characters than `length` + 1 they are as long as they can be. `state_dict` says where
    the stream stands. ValueError for a file of less than two characters or not in UTF-8.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("hello"); file.flush()
    ...     stream = TextStream(file.name, length=2)
    ...     chunks = [next(stream) for _ in range(3)]
    >>> [stream.vocabulary.decode(chunk.targets) for chunk in chunks]
    ['el', 'lo', 'el']
    """

    def __init__(self, path: str | os.PathLike[str], length: int = 25) -> None:
        self.path = Path(path)
        if length < 1:
            raise ValueError(f"TextStream: length must be 1 or more, got {length!r}")
        found: set[str] = set()
        self.characters = 0
        with self._open() as file:
            for block in self._blocks(file):
                found.update(block)
                self.characters += len(block)
        if self.characters < 2:
            raise ValueError(
                f"{self.path} holds {self.characters or 'no'} character"
                f"{'' if self.characters else 's'}, but a text to learn from needs 2 or more"
            )
        self.vocabulary = Vocabulary(sorted(found))
        self.length = min(length, self.characters - 1)
        self._file = self._open()
        self._last = ""  # the character before the file's position: the next chunk's first

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        first = not self._last
        text = self._last + self._read(self.length + first)
        if len(text) <= self.length:
            self._file.seek(0)
            self._last = ""
            return next(self)
        self._last = text[-1]
        indices = self.vocabulary.encode(text)
        return Chunk(indices[:-1], indices[1:], first)

    def lanes(self, count: int) -> list[TextStream]:
        """`count` streams that begin evenly spread over the text: side by side, a batch.

        `for batch in zip(*stream.lanes(4))` gives four chunks at a time; each lane goes
        on where it stopped. ValueError where there are not that many chunks.

        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("abcdefgh"); file.flush()
        ...     stream = TextStream(file.name, length=2)
        ...     batches = zip(*stream.lanes(2))
        ...     two = [[stream.vocabulary.decode(c.inputs) for c in next(batches)] for _ in "12"]
        >>> two
        [['ab', 'ef'], ['cd', 'ab']]
        """
        most = self.characters // (self.length + 1)
        if not 1 <= count <= most:
            raise ValueError(
                f"lanes: {self.path} has room for 1 to {most} lanes of {self.length} characters, "
                f"got {count!r}"
            )
        found = []
        for i in range(count):
            lane = copy(self)
            lane._file, lane._last = self._open(), ""
            skip = i * self.characters // count
            while skip:
                skip -= len(lane._read(min(skip, _BLOCK)))
            found.append(lane)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Where the next chunk begins, and of what text."""
        return {
            "position": self._file.tell(),
            "last": self._last,
            "characters": self.characters,
            "vocabulary": self.vocabulary.items,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a saved place.

        ValueError for a damaged state, and where the file is another one; the stream
        then stays where it is.
        """
        check_fields("the stream", state, {"position", "last", "characters", "vocabulary"}, set())
        if state["characters"] != self.characters:
            raise ValueError(
                f"{self.path} holds {self.characters} characters, "
                f"but {short(state['characters'])} when the state was saved"
            )
        if state["vocabulary"] != self.vocabulary.items:
            raise ValueError(f"{self.path} has other characters than when the state was saved")
        last = state["last"]
        if last not in ("", *self.vocabulary.items):
            raise ValueError(f"the stream's last character must be one of its text's, got {last!r}")
        self._seek(whole_number("the stream's position", state["position"]))
        self._last = last

    def _seek(self, position: int) -> None:
        """Go to a byte of the file at which a character begins."""
        before = self._file.tell()
        try:
            if position <= self.path.stat().st_size:
                self._file.seek(position)
                self._file.read(1)
                self._file.seek(position)
                return
        except UnicodeDecodeError:
            self._file.seek(before)
        raise ValueError(f"no character of {self.path} begins at byte {short(position)}")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> Any:
        return open(self.path, encoding="utf-8", newline="")

    def _blocks(self, file: Any) -> Iterator[str]:
        try:
            yield from iter(lambda: file.read(_BLOCK), "")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise ValueError(f"{self.path} is not UTF-8 text: it has a byte {byte:#x}") from None

    def _read(self, number: int) -> str:
        text: str = self._file.read(number)
        return text

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


def words(text: str) -> list[str]:
    """Lower-case words of a text, punctuation dropped.

    >>> words("Not good, not at all!")
    ['not', 'good', 'not', 'at', 'all']
    """
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.lower())
    return kept.split()


def _visible(item: str) -> str:
    return item if item.isprintable() and not item.isspace() else repr(item)
