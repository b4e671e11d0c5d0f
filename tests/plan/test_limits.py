"""Huge sizes and results, virtual arrays, `out`: correct results or errors, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import anypool as ap
from anypool.engines import BACKENDS

NAMES = list(BACKENDS)
HUGE = [2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64, 2**70]
HERE = 6.0 * np.arange(6)


@pytest.fixture(autouse=True)
def few_bytes() -> Iterator[None]:
    """No call of this file may allocate more than 512 MiB through Python."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**29, f"{peak:,} bytes"


def either(*args: Any, **options: Any) -> Any:
    """The result, or None where a PoolingError says why not."""
    try:
        return ap.pool(*args, **options)
    except ap.PoolingError as error:
        assert len(str(error)) > 20
        return None


@pytest.mark.parametrize("huge", HUGE)
@pytest.mark.parametrize("name", ["max", "sum", "argmax", "mean", "var", "count"])
def test_one_huge_number_at_a_time(huge: int, name: str) -> None:
    whole = ap.pool(HERE, ap.whole(), name, axes=0)
    np.testing.assert_array_equal(ap.pool(HERE, ap.sliding((huge,)), name), whole)  # larger than x: one window
    np.testing.assert_array_equal(ap.pool(HERE, ap.sliding((6,), huge), name), whole)
    first = ap.pool(HERE[:1], ap.whole(), name, axes=0)
    np.testing.assert_array_equal(ap.pool(HERE, ap.sliding((2,), 1, 0, huge), name), first)  # only tap 0 is inside
    assert either(HERE, ap.sliding((2,), 1, huge), name) is None  # a result that long fits nowhere
    assert either(HERE, ap.adaptive((huge,)), name) is None
    got = either(HERE, ap.sliding((3,), huge, ((huge, 0),)), name)
    if got is not None:
        np.testing.assert_array_equal(got[1:], ap.pool(HERE[:3], ap.whole(), name, axes=0))


@pytest.mark.parametrize("far", [10**5, 10**7, 2**31 - 1])
def test_windows_far_before_x(far: int) -> None:
    code = f"import numpy, anypool as ap\nwindows = ap.sliding((3,), {far}, (({far}, 0),))\n"
    code += "print(ap.pool(numpy.arange(6.0), windows, 'max'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "2." in done.stdout


@pytest.mark.parametrize("huge", [2**31, 2**62])
@pytest.mark.parametrize("border", ["reflect", "circular", "replicate", 1.0])
def test_huge_numbers_beyond_the_edge(huge: int, border: Any) -> None:
    """Positions far beyond the edge are reduced exactly, or refused."""
    got = either(HERE, ap.sliding((2,), 1, ((huge, 0),), huge, border=border), "sum")
    if got is not None:
        period = {"circular": 6, "reflect": 10}.get(border)
        if period is None:
            left = HERE[0] if border == "replicate" else 1.0
        else:
            at = -huge % period
            left = HERE[at if at < 6 else period - at]
        np.testing.assert_array_equal(got[0], left + HERE[0])
    either(HERE, ap.sliding((2**40,), 1, 2**41, border=border), "sum")
    either(HERE, ap.sliding((huge,), 1, huge // 2, border=border), "max")


def test_results_that_fit_in_no_memory() -> None:
    wide = np.broadcast_to(np.float32(1), (2**20, 2**20))
    for windows in (
        ap.sliding((1, 1)),
        ap.sliding((2, 2), 1, 1),
        ap.adaptive((2**20, 2**20)),
        ap.adaptive((None, None)),
    ):
        for name in ("max", "mean", "count", "argmax"):
            with pytest.raises(ap.PoolingError, match="memory"):
                ap.pool(wide, windows, name)
    with pytest.raises(ap.PoolingError, match="memory"):
        ap.pool(np.ones((2, 2)), ap.sliding((1, 1), 1, ((2**30, 0), (2**30, 0))), "sum")


def test_output_shape_needs_no_data_and_no_memory() -> None:
    assert ap.sliding((3, 3), 2, 1).output_shape((2**40, 2**18, 2**16)) == (2**40, 2**17, 2**15)
    assert ap.whole().output_shape((2**50, 7), axes=0) == (1, 7)


@pytest.mark.slow
@pytest.mark.parametrize("backend", NAMES)
def test_virtual_arrays_are_never_copied_whole(backend: str) -> None:
    """2**33 elements of stride 0."""
    x = np.broadcast_to(np.float32(2), (2**33,))
    few = ap.sliding((3,), 2**30)
    for name, value in {"max": 2, "sum": 6, "mean": 2, "argmax": None, "count": 3}.items():
        got = either(x, few, name, backend=backend)
        if got is not None:
            want = np.arange(8) * 2**30 if value is None else np.full(8, value)
            np.testing.assert_array_equal(got, want)


def test_virtual_arrays_take_memory_of_their_result() -> None:
    x = np.broadcast_to(np.arange(4, dtype=np.float32)[:, None], (4, 2**33))
    for name, value in {"max": 3.0, "sum": 12.0, "mean": 1.5}.items():
        got = either(x, ap.sliding((4, 2), (4, 2**32)), name)
        if got is not None:
            np.testing.assert_array_equal(got, np.full((1, 2), value))


@pytest.mark.parametrize("backend", [*NAMES, None])
class TestOut:
    """out= is written and given back, or refused; it may overlap x."""

    x = np.arange(64.0).reshape(8, 8)
    windows = ap.sliding((2, 2))

    def test_written_and_given_back(self, backend: str | None) -> None:
        want = ap.pool(self.x, self.windows, "max")
        for out in (np.empty((4, 4)), np.empty((4, 4), order="F"), np.empty((8, 8))[::2, ::2], np.empty((4, 4))[::-1]):
            for _ in range(2):
                out[...] = np.nan
                assert ap.pool(self.x, self.windows, "max", out=out, backend=backend) is out
                np.testing.assert_array_equal(out, want)

    @pytest.mark.parametrize(
        "bad", [np.empty((4, 5)), np.empty(16), np.empty((4, 4), np.float32), np.empty((4, 4), int), [[0.0] * 4] * 4, 3]
    )
    def test_wrong_shape_or_type(self, backend: str | None, bad: Any) -> None:
        with pytest.raises(ap.PoolingError, match="out"):
            ap.pool(self.x, self.windows, "max", out=bad, backend=backend)

    def test_several_reductions_need_several_calls(self, backend: str | None) -> None:
        with pytest.raises(ap.PoolingError, match="out"):
            ap.pool(self.x, self.windows, ("max", "min"), out=np.empty((4, 4)), backend=backend)

    def test_read_only(self, backend: str | None) -> None:
        out = np.empty((4, 4))
        out.flags.writeable = False
        with pytest.raises(ap.PoolingError, match="out"):
            ap.pool(self.x, self.windows, "max", out=out, backend=backend)

    @pytest.mark.parametrize("name", ["max", "mean", "sum", "var"])
    def test_overlapping_x(self, backend: str | None, name: str) -> None:
        same = ap.sliding((3, 3), 1, 1)
        want = ap.pool(self.x, same, name)
        for turned in (lambda a: a, lambda a: a[::-1], lambda a: a.T):
            buffer = self.x.copy()
            if either(buffer, same, name, out=turned(buffer), backend=backend) is None:
                continue
            np.testing.assert_array_equal(turned(buffer), want)

    def test_beside_weights_that_overlap(self, backend: str | None) -> None:
        w = np.random.default_rng(0).random((8, 8))
        want = ap.pool(self.x, ap.sliding((3, 3), 1, 1), "mean", weights=w)
        buffer = w.copy()
        ap.pool(self.x, ap.sliding((3, 3), 1, 1), "mean", weights=buffer, out=buffer, backend=backend)
        np.testing.assert_allclose(buffer, want, rtol=1e-14)


def test_inputs_are_not_changed() -> None:
    x, w = np.arange(30.0).reshape(5, 6), np.arange(6.0)
    kept, kept_w = x.copy(), w.copy()
    for name in ap.REDUCTIONS:
        ap.pool(x, ap.sliding((2, 2), 1, 1), name, weights=w)
        ap.pool(x, ap.sliding((2, 2), 1, 1), name, nan="omit")
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(w, kept_w)
    references = sys.getrefcount(x)
    for name in ap.REDUCTIONS:
        ap.pool(x, ap.sliding((2, 2), 1, 1), name)
    assert sys.getrefcount(x) <= references, "calls keep the array alive"


def test_no_axes_at_all() -> None:
    for windows in (ap.sliding((2,)), ap.adaptive((1,))):
        with pytest.raises(ap.PoolingError):
            ap.pool(np.float64(3), windows, "max")
    with pytest.raises(ap.PoolingError):
        ap.pool(3.0, ap.whole(), "max", axes=())
    many = np.ones((1,) * 32)
    assert ap.pool(many, ap.sliding((1,) * 32), "sum").shape == many.shape


@pytest.mark.parametrize("backend", [*NAMES, None])
def test_results_own_their_memory(backend: str | None) -> None:
    """Writable, not a view of x, no stride of 0: also for empty results and windows of one
    element."""
    for x in (np.ones((3, 1)), np.zeros((2, 0)), np.ones((1, 1)), np.broadcast_to(np.ones((1, 3)), (4, 3))):
        for windows in (ap.sliding((1,)), ap.adaptive((None,)), ap.segments([0, 0, 0]), ap.segments([0]), ap.whole()):
            for name in ap.REDUCTIONS:
                y = either(x, windows, name, axes=-1, backend=backend)
                if y is not None:
                    assert y.flags.writeable and not np.may_share_memory(y, x), (name, windows)
                    assert y.size < 2 or 0 not in y.strides


@pytest.mark.slow
def test_more_elements_than_two_to_the_31() -> None:
    """Real memory, 64-bit offsets: the last byte is found, and the one after 2**31."""
    x = np.zeros(2**31 + 4096, np.uint8)
    x[-1], x[2**31 + 5], x[2**31 - 1] = 7, 9, 5
    for windows, want in ((ap.whole(), [9]), (ap.sliding((2**31,), 2048), [5, 9, 9])):
        got = either(x, windows, "max", axes=0, backend="cpu")
        if got is not None:
            np.testing.assert_array_equal(got, want)
    wide = x[: 2**31].reshape(2**16, 2**15)
    got = either(wide, ap.sliding((2,)), "max", axes=1, backend="cpu")
    if got is not None:
        assert got.shape == (2**16, 2**14) and got[-1, -1] == 5 and got.sum(dtype=np.int64) == 5
    del x, wide, got
    tracemalloc.reset_peak()


@pytest.mark.parametrize("shape", [(70_000, 1, 2, 2), (1, 70_000, 2, 2), (70_000, 3), (3, 2, 70_000)])
def test_long_batches_and_channels(shape: tuple[int, ...]) -> None:
    x = (np.arange(np.prod(shape)) % 251).astype(np.float32).reshape(shape)
    for name, f in {"max": np.max, "sum": np.sum, "argmax": np.argmax}.items():
        got = ap.pool(x, ap.whole(), name, axes=-1)
        np.testing.assert_array_equal(
            got[..., 0], f(x, axis=-1) if name != "sum" else x.sum(-1, dtype=np.float64), err_msg=name
        )
    if len(shape) == 4:
        np.testing.assert_array_equal(ap.pool(x, ap.sliding((2, 2)), "max")[..., 0, 0], x.max((-1, -2)))
