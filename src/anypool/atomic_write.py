"""Atomic writes: a file is written under a temporary name in its folder, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .errors import PoolingError


@contextmanager
def atomic(path: Path) -> Generator[Path]:
    """A temporary file in the folder of `path`; it is renamed to `path` unless the block raises.

    The file gets the permissions of the file that it replaces, or those of a new file of the
    process. Raises PoolingError if the folder does not exist or cannot be written.

    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic(folder / "a.txt") as name:
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
    """Write text as UTF-8 without changing line ends, atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically."""
    with atomic(path) as name:
        name.write_bytes(data)


def _permissions(path: Path) -> int:
    """The permissions of the file at `path`, or those of a new file: a temporary file has only its
    owner's."""
    if path.is_file():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
