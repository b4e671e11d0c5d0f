"""The results of dir() and help(): lazy names, and the arguments of callable modules."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from typing import Any

import pytest

import anypool as ap


def test_lazy_names_are_listed_and_load() -> None:
    assert {"nn", "show", "study", "receptive_field", *ap.__all__} <= set(dir(ap))
    assert all(getattr(ap, name) is not None for name in dir(ap))
    from anypool import nn, receptive_field, show, study

    assert nn is ap.nn and show is ap.show and study is ap.study and receptive_field is ap.receptive_field
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ap.nonsense  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        ap.study.nonsense  # noqa: B018
    words = pydoc.plain(pydoc.render_doc(ap))
    assert all(name in words for name in ("nn", "show", "study", "receptive_field"))


@pytest.mark.parametrize(("module", "function"), [("show", "show"), ("study", "run")])
def test_modules_that_are_called_have_real_signatures(module: str, function: str) -> None:
    called: Any = getattr(ap, module)
    real = getattr(called, function)
    assert inspect.signature(called) == inspect.signature(real)
    named = set(inspect.signature(real).parameters)
    assert "args" not in named and len(named) > 5
    words = pydoc.plain(pydoc.render_doc(called))
    assert all(name in words for name in named) and "*args" not in words
    assert {function, *called.__all__} <= set(dir(called))


@pytest.mark.parametrize(
    "name", ["Pool1d", "Pool2d", "Pool3d", "SpatialPyramid", "BoxPool", "accelerate", "accelerated"]
)
def test_layers_have_signatures_and_words(name: str) -> None:
    thing = getattr(ap.nn, name)
    assert inspect.getdoc(thing) and name in dir(ap.nn)
    assert inspect.signature(thing)


def test_listing_names_loads_nothing_and_needs_no_torch() -> None:
    code = "import anypool as ap, sys\nnames = dir(ap)\nprint('torch' in sys.modules, 'nn' in names, 'show' in names)\n"
    run: Any = lambda text: subprocess.check_output([sys.executable, "-c", text], text=True, timeout=60).split()  # noqa: E731
    assert run(code) == ["False", "True", "True"]
    without = "import sys\nsys.modules['torch'] = None\n" + code.replace("'torch' in sys.modules", "'study' in names")
    assert run(without + "import pydoc; pydoc.render_doc(ap)") == ["True", "False", "True"]
