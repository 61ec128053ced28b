"""Shapes of public networks: their published numbers of parameters and multiply-adds."""

from dataclasses import replace

import pytest

from mho.core import FileError
from mho.systems import Transformer, load_shape, load_workload, shapes

PARAMETERS = {
    "gpt-3": 174_604_259_328,
    "llama-3-8b": 8_030_261_248,
    "llama-3.2-1b": 1_235_814_400,
    "mixtral-8x7b": 46_702_792_704,
    "mobilenet-v2": 3_504_872,
    "resnet-18": 11_689_512,
    "resnet-20": 269_722,
    "resnet-50": 25_557_032,
    "smollm2-135m": 134_515_008,
    "vgg16": 138_357_544,
}
"""As their model cards and the usual implementations count them; GPT-3's is not published to the last one."""


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    assert load_workload(name).parameters == PARAMETERS[name]


def test_all_shapes_are_checked() -> None:
    assert set(shapes()) == set(PARAMETERS)


@pytest.mark.parametrize(
    ("name", "giga"), [("resnet-18", 1.81), ("resnet-50", 4.09), ("vgg16", 15.47), ("mobilenet-v2", 0.30)]
)
def test_published_multiply_adds(name: str, giga: float) -> None:
    assert load_workload(name).macs / 1e9 == pytest.approx(giga, rel=0.01)


def test_a_token_uses_every_weight_once() -> None:
    work = load_workload("llama-3-8b")
    assert work.macs == work.weights
    mixture = load_workload("mixtral-8x7b")
    assert mixture.macs / 1e9 == pytest.approx(12.9, rel=0.02)  # active parameters as published, with the embeddings


def test_attention_grows_with_the_context() -> None:
    """Two products of width 4,096 in 32 layers for each token so far; keys and values of 8 heads of 128."""
    short, long = load_workload("llama-3-8b", 0), load_workload("llama-3-8b", 999)
    assert long.dynamic_macs == 1000 * short.dynamic_macs == 2 * 32 * 4096 * 1000
    assert long.cache == long.cache_reads == 2 * 32 * 8 * 128 * 1000
    assert long.cache_writes == short.cache
    assert (long.weights, long.macs) == (short.weights, short.macs)


def test_operations_beside_matrices() -> None:
    """Two norms, two residual sums, softmax of all heads over all tokens, and a gate; 30 layers and a last norm."""
    layer = 2 * 6 * 576 + 2 * 576 + 4 * 9 * 101 + 3 * 1536
    assert load_workload("smollm2-135m", 100).vector_operations == 30 * layer + 6 * 576
    convolutions = load_workload("resnet-20")
    assert convolutions.vector_operations == sum(op.outputs for op in convolutions.ops)


def test_a_tied_head_is_stored_once() -> None:
    shape = load_shape("llama-3.2-1b")
    assert isinstance(shape, Transformer)
    tied, apart = shape.workload(), replace(shape, tied=False).workload()
    assert apart.parameters - tied.parameters == shape.vocabulary * shape.hidden
    assert apart.macs == tied.macs


def test_wrong_shapes() -> None:
    with pytest.raises(FileError, match=r"^no preset 'llama' in workloads; did you mean 'llama-3-8b'\?"):
        load_workload("llama")
    shape = load_shape("mixtral-8x7b")
    assert isinstance(shape, Transformer)
    with pytest.raises(ValueError, match=r"^a token can use 8 experts at most, not 9$"):
        replace(shape, active=9)
