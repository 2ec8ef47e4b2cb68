"""The plain model against the trained one: the same weights by the same names, the same scores."""

import pytest
import torch

from engine.contract.config.model import ModelConfig
from engine.serving.padded_bert4rec import PADDING, PlainBERT4Rec
from tests.engine.model.test_bert4rec import ITEMS, SEQUENCES, model_of, scores_of, with_random_norms


def plain_of(model, **settings):
    config = {"max_len": 8, "emb_dim": 16, "nhead": 2, "num_layers": 2, **settings}
    plain = PlainBERT4Rec(ITEMS, ModelConfig(**config))
    plain.load_state_dict(model.state_dict())
    return plain.eval()


def padded(sequences):
    """Histories without their mask token, filled up at the left."""
    longest = max(1, *(len(s) - 1 for s in sequences))
    return torch.tensor([[PADDING] * (longest - len(s) + 1) + s[:-1] for s in sequences])


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("tie_output", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_scores_are_those_of_the_trained_model(norm, tie_output, num_layers):
    settings = {"norm": norm, "tie_output": tie_output, "num_layers": num_layers}
    model = with_random_norms(model_of(**settings))
    plain = plain_of(model, **settings)
    with torch.no_grad():
        torch.testing.assert_close(
            plain(padded(SEQUENCES)), scores_of(model, SEQUENCES), atol=1e-5, rtol=1e-5
        )


def test_padding_changes_no_score():
    plain = plain_of(with_random_norms(model_of()))
    with torch.no_grad():
        together = plain(padded(SEQUENCES))
        alone = torch.cat([plain(padded([sequence])) for sequence in SEQUENCES])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_the_names_and_sizes_of_weights_are_those_of_the_trained_model():
    model = model_of(norm="pre")
    plain = plain_of(model, norm="pre").state_dict()
    assert {n: t.shape for n, t in plain.items()} == {n: t.shape for n, t in model.state_dict().items()}
