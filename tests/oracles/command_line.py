"""The command line in this process: what it says, and its exit status."""

from __future__ import annotations

import contextlib
import io
import sys
from unittest import mock

from anypool import cli


def said(*words: object) -> str:
    """What a command that succeeds prints."""
    status, text = outcome(*words)
    assert status == 0, text
    return text


def refused(*words: object) -> str:
    """The one sentence of a command that fails: on the error stream, and nothing else."""
    status, output, error = streams(*words)
    assert status == 2 and not output, (status, output, error)
    assert error.startswith("anypool: ") and len(error.strip().splitlines()) == 1, error
    return error


def outcome(*words: object) -> tuple[int, str]:
    """Exit status, and both streams as one text."""
    status, output, error = streams(*words)
    return status, output + error


def streams(*words: object) -> tuple[int, str, str]:
    """Exit status, output and error stream."""
    output, error = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["anypool", *map(str, words)]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(error),
    ):
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0), output.getvalue(), error.getvalue()
    return 0, output.getvalue(), error.getvalue()
