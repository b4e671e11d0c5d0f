"""The command line."""

from __future__ import annotations

from .commands import main as main
