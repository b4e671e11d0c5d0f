"""merge_tokens: pairs by hand, order, sizes, gradients, unmerge."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import anypool as ap


def by_hand(x: np.ndarray, r: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """The merged tokens of one sequence, their sizes, and the merged token of each position."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    pairs = []
    for i in range(0, len(x), 2):
        cosine = [float(unit[i] @ unit[j]) for j in range(1, len(x), 2)]
        if cosine:
            pairs.append((-max(cosine), i, 2 * int(np.argmax(cosine)) + 1))
    into = {i: j for _, i, j in sorted(pairs)[:r]}
    members = {p: [p] for p in range(len(x)) if p not in into}
    for i, j in into.items():
        members[j].append(i)
    tokens = [np.average(x[m], axis=0, weights=size[m]) for m in members.values()]
    rank = {p: k for k, p in enumerate(members)}
    return (
        np.array(tokens),
        np.array([size[m].sum() for m in members.values()]),
        [rank[into.get(p, p)] for p in range(len(x))],
    )


@pytest.mark.parametrize(("time", "r"), [(8, 3), (9, 4), (9, 0), (2, 1), (1, 0)])
def test_pairs_by_hand(time: int, r: int) -> None:
    x = torch.randn(4, time, 5, dtype=torch.float64)
    size = torch.rand(4, time, dtype=torch.float64) + 0.5
    for sizes in (size, None):
        merged, new, unmerge = ap.merge_tokens(x, r, size=sizes)
        back = unmerge(merged)
        for b in range(4):
            weights = np.ones(time) if sizes is None else sizes[b].numpy()
            tokens, counts, place = by_hand(x[b].numpy(), r, weights)
            np.testing.assert_allclose(merged[b], tokens)
            np.testing.assert_allclose(new[b], counts)
            np.testing.assert_allclose(back[b], tokens[place])


def test_thresholds_gradients_and_again() -> None:
    x = torch.randn(3, 10, 4, dtype=torch.float64)
    x[1, 4] = 2 * x[1, 7]
    x[1, 2] = 3 * x[1, 1]
    assert ap.merge_tokens(x, threshold=0.9999)[0].shape == (3, 8, 4)
    assert ap.merge_tokens(x, threshold=2.0)[0].shape == (3, 10, 4)
    assert ap.merge_tokens(x, threshold=-1)[0].shape == (3, 5, 4)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda t: ap.merge_tokens(t, 3)[0], x)
    once, sizes, _ = ap.merge_tokens(x, 4)
    twice, sizes, _ = ap.merge_tokens(once, 2, size=sizes)
    torch.testing.assert_close((twice * sizes[..., None]).sum(1), x.sum(1))
    assert ap.merge_tokens(x[:0], 2)[0].shape == (0, 8, 4) and ap.merge_tokens(x[:, :0], 0)[0].shape == (3, 0, 4)


def test_wrong_arguments() -> None:
    x = torch.randn(2, 6, 4)
    for options, sentence in (
        ({"r": 4}, "at most 3 pairs merge"),
        ({"r": -1}, "r"),
        ({}, "either r"),
        ({"r": 1, "threshold": 0.5}, "not both"),
        ({"threshold": "a"}, "use a number"),
        ({"r": 1, "size": torch.ones(2, 5)}, r"give \(2, 6\)"),
        ({"r": 1, "size": torch.zeros(2, 6)}, "not above 0"),
    ):
        with pytest.raises(ap.PoolingError, match=sentence):
            ap.merge_tokens(x, **options)
    with pytest.raises(ap.PoolingError, match="unmerge of shape"):
        ap.merge_tokens(x, 1)[2](torch.ones(2, 6, 4))
    with pytest.raises(ap.PoolingError, match=r"\(batch, time, features\)"):
        ap.merge_tokens(x[0], 1)
