"""The model against torch's own encoder layers, and its promises about padding and batches."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.contract.config.model import ModelConfig
from engine.model.bert4rec import ITEM_TABLE, BERT4Rec

ITEMS = 30


def model_of(**settings):
    config = ModelConfig(**{"max_len": 8, "emb_dim": 16, "nhead": 2, "num_layers": 2, **settings})
    return BERT4Rec(ITEMS, config, seed=5).eval()


def with_random_norms(model):
    """Norms and biases away from their ones and zeros, so that a missing one would show."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


SEQUENCES = [[3, 4, 30], [30], [1, 2, 3, 4, 5, 6, 7, 30]]


def scores_of(model, sequences):
    """Scores at the last position of each sequence."""
    lengths = torch.tensor([len(s) for s in sequences])
    items = torch.tensor([item for s in sequences for item in s])
    with torch.no_grad():
        return model(items, lengths, lengths.cumsum(0) - 1)


def reference(model, sequence, norm):
    """The same model from torch's TransformerEncoderLayer, for one sequence."""
    state, width = model.state_dict(), 16
    hidden = state[ITEM_TABLE][sequence] + state["positions.weight"][torch.arange(len(sequence)).flip(0)]
    hidden = functional.layer_norm(hidden, [width], state["input_norm.weight"], state["input_norm.bias"])
    hidden = hidden[None]
    names = {
        "self_attn.in_proj_weight": "attention.qkv.weight",
        "self_attn.in_proj_bias": "attention.qkv.bias",
        "self_attn.out_proj.weight": "attention.out.weight",
        "self_attn.out_proj.bias": "attention.out.bias",
        "norm1.weight": "attention_norm.weight",
        "norm1.bias": "attention_norm.bias",
        "norm2.weight": "feed_norm.weight",
        "norm2.bias": "feed_norm.bias",
        "linear1.weight": "widen.weight",
        "linear1.bias": "widen.bias",
        "linear2.weight": "narrow.weight",
        "linear2.bias": "narrow.bias",
    }
    for number in range(2):
        layer = nn.TransformerEncoderLayer(
            width, 2, 4 * width, 0.0, "gelu", batch_first=True, norm_first=norm == "pre"
        ).eval()
        layer.load_state_dict({theirs: state[f"blocks.{number}.{ours}"] for theirs, ours in names.items()})
        hidden = layer(hidden)
    last = hidden[0, -1]
    if norm == "pre":
        last = functional.layer_norm(last, [width], state["last_norm.weight"], state["last_norm.bias"])
    last = functional.gelu(functional.linear(last, state["head.weight"], state["head.bias"]))
    last = functional.layer_norm(last, [width], state["head_norm.weight"], state["head_norm.bias"])
    output = state.get("output", state[ITEM_TABLE][:ITEMS])
    return functional.linear(last, output, state["output_bias"])


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("tie_output", [False, True])
def test_scores_are_those_of_torchs_encoder(norm, tie_output):
    model = with_random_norms(model_of(norm=norm, tie_output=tie_output))
    with torch.no_grad():
        expected = torch.stack([reference(model, sequence, norm) for sequence in SEQUENCES])
    torch.testing.assert_close(scores_of(model, SEQUENCES), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("sequences", [SEQUENCES, SEQUENCES[2:], [[1, 30], [2, 30]]])
def test_asking_once_a_sequence_gives_the_same_scores(norm, sequences):
    model = with_random_norms(model_of(norm=norm))
    lengths = torch.tensor([len(s) for s in sequences])
    with torch.no_grad():
        hidden = model.encode_last(torch.tensor([item for s in sequences for item in s]), lengths)
    scores = functional.linear(hidden, model.item_weights, model.output_bias)
    torch.testing.assert_close(scores, scores_of(model, sequences), atol=1e-5, rtol=1e-5)


def test_a_score_does_not_depend_on_the_rest_of_the_batch():
    model = with_random_norms(model_of())
    alone = torch.cat([scores_of(model, [sequence]) for sequence in SEQUENCES])
    torch.testing.assert_close(scores_of(model, SEQUENCES), alone, atol=1e-6, rtol=1e-5)


def test_only_real_items_can_be_predicted():
    assert scores_of(model_of(), SEQUENCES).shape == (3, ITEMS)


def test_order_matters():
    model = with_random_norms(model_of())
    first, second = scores_of(model, [[1, 2, 30], [2, 1, 30]])
    assert not torch.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("tie_output", [False, True])
def test_every_weight_gets_a_gradient(tie_output):
    model = with_random_norms(model_of(tie_output=tie_output)).train()
    items, lengths = torch.tensor([1, 30, 3, 30]), torch.tensor([2, 2])
    loss = functional.cross_entropy(
        model(items, lengths, torch.tensor([1, 3])), torch.tensor([2, 4]), reduction="sum"
    )
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_names_of_weights_are_those_of_existing_checkpoints():
    block = [
        *("attention.qkv.weight", "attention.qkv.bias", "attention.out.weight", "attention.out.bias"),
        *("attention_norm.weight", "attention_norm.bias", "widen.weight", "widen.bias"),
        *("narrow.weight", "narrow.bias", "feed_norm.weight", "feed_norm.bias"),
    ]
    expected = {
        *("items.embeddings.item.weight", "positions.weight", "input_norm.weight", "input_norm.bias"),
        *(f"blocks.{number}.{name}" for number in (0, 1) for name in block),
        *("last_norm.weight", "last_norm.bias", "head.weight", "head.bias"),
        *("head_norm.weight", "head_norm.bias", "output", "output_bias"),
    }
    assert set(model_of(norm="pre").state_dict()) == expected
