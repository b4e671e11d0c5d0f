"""A file is written whole or not at all: to a temporary name in its folder, then moved into place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import PoolingError


@contextmanager
def whole(path: Path) -> Generator[Path]:
    """A temporary name beside `path`, which becomes `path` if nothing is raised.

    The file's permissions are those of the file that it replaces, or what the process gives new files. Raises PoolingError
    where the folder does not exist or cannot be written to.

    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole(folder / "a.txt") as name:
    ...     _ = name.write_text("done")
    >>> [p.name for p in folder.iterdir()]
    ['a.txt']
    """
    if not path.parent.is_dir():
        raise PoolingError(f"the folder {path.parent} does not exist")
    try:
        handle, text = tempfile.mkstemp(suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise PoolingError(
            f"{path} cannot be written: nothing can be created in {path.parent} ({error.strerror})"
        ) from None
    os.close(handle)
    name = Path(text)
    try:
        yield name
        os.chmod(name, _permissions(path))
        os.replace(name, path)
    except BaseException as error:
        name.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise PoolingError(f"{path} cannot be written: {error.strerror or error}") from None
        raise


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, line ends as they are, whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes, whole or not at all."""
    with whole(path) as name:
        name.write_bytes(data)


def _permissions(path: Path) -> int:
    """A temporary file is its owner's alone: what the file at `path` has, or a new file would have."""
    if path.is_file():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
