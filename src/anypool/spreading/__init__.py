"""The way up: values of windows spread to the elements that the windows hold."""

from __future__ import annotations

from .spread import spread as spread
