"""The source files of the package, and the folder of each."""

from __future__ import annotations

from pathlib import Path

import anypool as ap

PACKAGE = Path(ap.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def folder_of(path: Path) -> str:
    """The first folder below the package, or the file itself."""
    return path.relative_to(PACKAGE).parts[0]
