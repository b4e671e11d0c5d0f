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
    """The one sentence of a command that fails."""
    status, text = outcome(*words)
    assert status == 2 and text.startswith("anypool: ") and len(text.strip().splitlines()) == 1, (status, text)
    return text


def outcome(*words: object) -> tuple[int, str]:
    """Exit status, and both streams."""
    streams = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["anypool", *map(str, words)]),
        contextlib.redirect_stdout(streams),
        contextlib.redirect_stderr(streams),
    ):
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0), streams.getvalue()
    return 0, streams.getvalue()
