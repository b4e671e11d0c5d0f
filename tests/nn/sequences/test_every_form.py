"""Layers of sequences: masks, lengths, offsets, padding, empty sequences, gradients, copies."""

from __future__ import annotations

import copy

import pytest
import torch
from sequence_batches import LENGTHS, Batch, D, T, layers, query_of

import anypool as ap

LAYERS = layers()
BATCH = Batch()
# A power is scaled by the greatest element of the call.
EXACT = [name for name in LAYERS if name.startswith(("SequencePool", "Statistics")) and "Lp" not in name]


@pytest.mark.parametrize("name", LAYERS)
def test_forms_agree_and_padding_does_not_matter(name: str) -> None:
    layer, query = LAYERS[name], query_of(name)
    want = layer(BATCH.right, mask=BATCH.right_mask, **query)
    assert torch.isfinite(want).all()
    for form, (x, how) in BATCH.forms().items():
        torch.testing.assert_close(layer(x, **how, **query), want, rtol=1e-11, atol=1e-11, msg=form)
    for i, row in enumerate(BATCH.rows):
        alone = layer(row[None], **({"query": query["query"][i : i + 1]} if query else {}))
        torch.testing.assert_close(alone[0], want[i], rtol=1e-11, atol=1e-11)
    if name != "PMA":
        assert not want[2].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", EXACT)
def test_neighbours_change_no_bit(name: str, dtype: torch.dtype) -> None:
    layer = copy.deepcopy(LAYERS[name]).to(dtype)
    batch = Batch(torch.tensor([40, 3, 0, 61, 17]), 64, dtype)
    want = [layer(row[None])[0] for row in batch.rows]
    for x, how in batch.forms().values():
        for row, one in zip(layer(x, **how), want, strict=True):
            assert torch.equal(row, one)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name: str) -> None:
    layer, query = copy.deepcopy(LAYERS[name]), query_of(name)
    x = BATCH.right.clone().requires_grad_()
    (layer(x, mask=BATCH.right_mask, **query) ** 2).sum().backward()
    assert torch.isfinite(x.grad).all() and not x.grad[~BATCH.right_mask].any()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in layer.parameters())
    mask = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]).bool()
    small = torch.randn(3, 4, D, dtype=torch.float64, requires_grad=True)
    few = query_of(name, 3)
    assert torch.autograd.gradcheck(lambda t, *p: layer(t, mask=mask, **few), (small, *layer.parameters()))


@pytest.mark.parametrize("name", LAYERS)
def test_no_tokens_and_no_sequences(name: str) -> None:
    layer, query = LAYERS[name], query_of(name)
    shape = layer(BATCH.right, lengths=LENGTHS, **query).shape
    zeros, no_query = torch.zeros(len(LENGTHS), dtype=torch.int64), query_of(name, 0)
    for y in (
        layer(BATCH.right[:, :0], **query),
        layer(BATCH.right[:, :0], lengths=zeros, **query),
        layer(BATCH.right, mask=BATCH.right_mask & False, **query),
        layer(BATCH.flat[:0], offsets=torch.zeros(len(LENGTHS) + 1, dtype=torch.int64), **query),
    ):
        assert y.shape == shape and (name == "PMA" or not y.any())
    assert layer(BATCH.right[:0], **no_query).shape == (0, *shape[1:])
    assert layer(BATCH.flat[:0], offsets=[0], **no_query).shape == (0, *shape[1:])


@pytest.mark.parametrize("name", LAYERS)
def test_copies_states_and_autocast(name: str) -> None:
    layer, query = LAYERS[name], query_of(name)
    again = copy.deepcopy(layer)
    again.load_state_dict(layer.state_dict())
    want = layer(BATCH.right, lengths=LENGTHS, **query)
    assert torch.equal(again(BATCH.right, lengths=LENGTHS, **query), want) and repr(again) == repr(layer)
    again.float()
    query = {k: v.float() for k, v in query.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = again(BATCH.right.float(), lengths=LENGTHS, **query)
    torch.testing.assert_close(y.double(), want, rtol=0.1, atol=0.15)


WRONG = {
    "lengths below 0": ({"lengths": [1, 2, 3, 4, -1]}, "lengths from -1 to 4"),
    "long lengths": ({"lengths": [1, 2, 3, 4, 8]}, "to 8 for 7 positions: use 0 to 7"),
    "float lengths": ({"lengths": LENGTHS.float()}, "use a row of integers"),
    "lengths of another batch": ({"lengths": [1, 2]}, "2 lengths for a batch of 5"),
    "mask with an axis more": ({"mask": BATCH.right_mask[..., None]}, r"give mask\[..., 0\]"),
    "mask of another length": ({"mask": BATCH.right_mask[:, :4]}, r"mask of shape \(5, 4\).*\(5, 7\)"),
    "two forms": ({"mask": BATCH.right_mask, "lengths": LENGTHS}, "mask and lengths: give one"),
    "offsets of a padded batch": ({"offsets": [0, 3]}, r"give \(tokens, features\)"),
}


@pytest.mark.parametrize(
    "name", ["SequencePool mean", "StatisticsPool", "AttentionPool dot query=False", "PMA", "SimPool"]
)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_arguments(wrong: str, name: str) -> None:
    arguments, sentence = WRONG[wrong]
    with pytest.raises(ap.PoolingError, match=sentence):
        LAYERS[name](BATCH.right, **arguments)


@pytest.mark.parametrize("name", ["SequencePool mean", "AttentionPool dot query=False", "PMA", "SimPool"])
def test_wrong_flat_batches(name: str) -> None:
    layer = LAYERS[name]
    for offsets, sentence in (
        ([0, 5, 3], "must not decrease"),
        ([-1, 3], "nor be negative"),
        ([0, 99], "end at 99, but x has 16 tokens"),
        ([], "n \\+ 1 offsets"),
        ([0.0, 3.0], "use a row of integers"),
    ):
        with pytest.raises(ap.PoolingError, match=sentence):
            layer(BATCH.flat, offsets=offsets)
    with pytest.raises(ap.PoolingError, match="a flat batch needs offsets="):
        layer(BATCH.flat)
    with pytest.raises(ap.PoolingError, match="tensor of floats"):
        layer(BATCH.flat.long(), offsets=[0, 3])
    part = BATCH.flat.clone()
    part[:2] = part[9:] = torch.nan
    torch.testing.assert_close(layer(part, offsets=[2, 5, 9])[1], layer(BATCH.flat[None, 5:9])[0])
    assert T == BATCH.right.shape[1]
