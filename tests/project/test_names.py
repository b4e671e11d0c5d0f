"""Names in src/: rooms use the words of the glossary in DESIGN.md, and no retired name."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_files import FILES, folder_of

# Former name -> present name. A former name may not be an identifier anywhere in src/.
RENAMED = {
    "Lists": "IndexedWindows",
    "Picks": "AxisIndices",
    "lists_of": "as_indexed_windows",
    "seen_by": "without_weights_for",
    "by_sums": "from_sums",
    "of_truth": "accepts_bool",
    "Seen": "Outcome",
    "held_by": "window_weights",
    "seen_by_all": "coverage_weights",
}
# Participles name no thing: write what the value is (`result`, `indices`, `message`).
PARTICIPLES = frozenset("made found given held seen told wanted asked kept taken said".split())


def identifiers(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the text of each identifier of a file."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


ROOMS = sorted({folder_of(path) for path in FILES})


@pytest.mark.parametrize("room", ROOMS)
def test_retired_names_do_not_return(room: str) -> None:
    """No renamed name, and no participle as a name, in any room."""
    paths = [path for path in FILES if folder_of(path) == room]
    used = {name: f"{path.name}:{line}" for path in paths for line, name in identifiers(path)}
    retired = (PARTICIPLES | RENAMED.keys()) & used.keys()
    assert not retired, {name: (used[name], RENAMED.get(name, "the name of the value")) for name in retired}
