"""Group numbers far apart, and windows far apart in arrays that no memory holds."""

import numpy as np
import pytest
from memory_growth import grown, linux

import anypool as ap

RNG = np.random.default_rng(8)


def test_sparse_group_numbers():
    x = np.arange(1.0, 7.0)
    index = [5, 2 * 10**7, 7, 5, -1, 0]
    for name, nothing, held in (
        ("sum", 0.0, [6.0, 5.0, 3.0, 2.0]),
        ("mean", np.nan, [6.0, 2.5, 3.0, 2.0]),
        ("argmax", -1, [5, 3, 2, 1]),
        ("median", np.nan, [6.0, 2.5, 3.0, 2.0]),
    ):
        y = ap.pool(x, ap.groups(index), name, axes=0)
        assert y.shape == (2 * 10**7 + 1,) and list(y[[0, 5, 7, -1]]) == held
        others = np.delete(y[:100], [0, 5, 7])
        assert np.array_equal(others, np.full(97, nothing), equal_nan=True)
    y = ap.pool(np.stack([x, -x]), ap.groups(index, count=3 * 10**7), "max", axes=1, empty=9.0)
    assert y.shape == (2, 3 * 10**7) and list(y[1, [0, 5, 6]]) == [-6, -1, 9]
    with pytest.raises(ap.PoolingError, match="give empty="):
        ap.pool(np.arange(6), ap.groups(index), "max", axes=0)


def test_groups_by_labels():
    x = np.arange(1.0, 7.0)
    index = [5, 10**15, -7, 5, -1, 0]
    assert list(ap.pool(x, ap.groups(index, labels=[10**15, 5, -7, 3]), "sum", axes=0)) == [2, 5, 3, 0]
    assert list(ap.pool(x, ap.groups(index, labels=np.unique(index)), "count", axes=0)) == [1, 1, 1, 2, 1]
    picture = np.array([[3, 9], [9, 3]])
    assert list(ap.pool(x[:4].reshape(2, 2), ap.groups(picture, labels=[9]), "sum")) == [5]
    big = np.array([2**64 - 1, 4, 2**64 - 1], np.uint64)
    assert list(ap.pool(x[:3], ap.groups(big, labels=np.unique(big)), "sum", axes=0)) == [2, 4]
    assert ap.pool(x, ap.groups(index, labels=[]), "sum", axes=0).shape == (0,)
    for given, said in (([5, 5], "more than once"), ([[5]], "row of integers"), ([0.5], "row of integers")):
        with pytest.raises(ap.PoolingError, match=said):
            ap.groups(index, labels=given)
    with pytest.raises(ap.PoolingError, match="labels"):
        ap.groups(index, labels=[5], count=3)
    with pytest.raises(ap.PoolingError, match=r"labels=np\.unique"):
        ap.groups([0, 2**62])


def test_gradients_of_sparse_groups():
    torch = pytest.importorskip("torch")
    x = torch.arange(6.0, requires_grad=True)
    y = ap.pool(x, ap.groups([5, 2 * 10**6, 7, 5, -1, 0]), "mean", axes=0)
    y[[5, 7, 2 * 10**6]].sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.5, 1, 1, 0.5, 0, 0]


@linux
def test_sparse_groups_take_the_memory_of_their_result():
    code = """
        import numpy as np, anypool as ap
        x = np.ones(6, "f4")
        def work():
            ap.pool(x, ap.groups([0, 5, 2 * 10**7, 5, 0, 1]), "mean", axes=0)
    """
    assert grown(code) < 200  # the result is 80 MB; tables of all groups took 1,400


@linux
@pytest.mark.parametrize("name", ["sum", "argmax", "std", "median", "mode", "ap.Lp(3)", "argmedian"])
def test_virtual_arrays_are_read_where_windows_lie(name: str):
    name = name if name.startswith("ap.") else repr(name)
    code = f"""
        import numpy as np, anypool as ap
        x = np.broadcast_to(np.float32(3), (2**33,))
        def work():
            for windows in (ap.sliding((3,), 2**31), ap.segments([0, 2, 2, 5])):
                y = ap.pool(x, windows, {name}, axes=0)
                assert len(y) == (4 if "sliding" in repr(windows).lower() else 3)
            z = np.broadcast_to(np.uint8(3), (2**16, 2**17))
            y = ap.pool(z, ap.sliding((3, 5), (2**15, 2**16)), {name}, weights=np.broadcast_to(np.True_, (1, 2**17)))
            assert y.shape == (2, 2)
            z = np.broadcast_to(np.arange(4, dtype=np.float32)[:, None], (4, 2**33))
            assert ap.pool(z, ap.sliding((4, 2), (4, 2**32)), {name}).shape == (1, 2)
    """
    assert grown(code) < 64


def test_positions_in_windows_far_apart():
    x = np.zeros((5000, 5000), np.uint8)
    x[4001, 4002] = x[1, 4003] = 9
    y = ap.pool(x, ap.sliding((5, 6), (4000, 4000)), "argmax")
    assert y.tolist() == [[0, 5000 + 4003], [4000 * 5000, 4001 * 5000 + 4002]]
