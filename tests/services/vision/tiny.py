"""
Models of a few hundred kilobytes, made on the spot, that say what they are made to say.

An Idefics3 (the family of SmolVLM) whose layers add nothing, and whose last matrix leads from each
token to the one that comes next: all of the real library's code runs, and what comes out is known.
"""

from itertools import pairwise
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra local-ai")
transformers = pytest.importorskip("transformers", reason="needs the extra local-ai")
tokenizers = pytest.importorskip("tokenizers", reason="needs the extra local-ai")

SPECIAL = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<eos>"]
#: What the chat template ends with, so that the first word follows it.
SAY = "<say>"
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}" + SAY
)
SIDE = 64


def tokenizer_of(pieces: list[str]):
    """Return a tokenizer of bytes that also knows each of *pieces*."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: number for number, text in enumerate([*SPECIAL, *alphabet])}
    bare = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = tokenizers.decoders.ByteLevel()
    bare.add_special_tokens([tokenizers.AddedToken(text, special=True) for text in [*SPECIAL, SAY]])
    bare.add_tokens([tokenizers.AddedToken(text, normalized=False) for text in pieces])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token="<eos>", pad_token="<eos>"
    )


def save_chatting(folder: Path, pieces: list[str], *, endless: bool = False) -> Path:
    """Save a model that answers with *pieces*, no two of them alike; again and again if endless."""
    assert len(set(pieces)) == len(pieces)
    tokenizer = tokenizer_of(pieces)
    size = len(tokenizer)
    width = -(-size // 64) * 64
    config = transformers.Idefics3Config(
        text_config={
            "model_type": "llama",
            "vocab_size": size,
            "hidden_size": width,
            "intermediate_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 8192,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 16,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
        tie_word_embeddings=False,
    )
    model = transformers.Idefics3ForConditionalGeneration(config)
    chain = tokenizer.convert_tokens_to_ids([SAY, *pieces])
    chain.append(chain[1] if endless else tokenizer.eos_token_id)
    with torch.no_grad():
        text = model.model.text_model
        text.embed_tokens.weight.copy_(torch.eye(size, width))
        text.layers[0].self_attn.o_proj.weight.zero_()
        text.layers[0].mlp.down_proj.weight.zero_()
        model.lm_head.weight.zero_()
        for before, after in pairwise(chain):
            model.lm_head.weight[after, before] = 1
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    pictures = transformers.Idefics3ImageProcessorPil(
        size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}
    )
    processor = transformers.Idefics3Processor(
        pictures, tokenizer, image_seq_len=4, chat_template=TEMPLATE
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_captioning(folder: Path) -> Path:
    """Save a BLIP, which is told nothing and makes captions; this one's weights are noise."""
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "[DEC]",
        "a",
        "red",
        "kite",
        "dog",
        "sky",
    ]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    layers = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    torch.manual_seed(6)
    config = transformers.BlipConfig(
        text_config={
            **layers,
            "vocab_size": len(words),
            "encoder_hidden_size": 32,
            "max_position_embeddings": 128,
            "pad_token_id": 0,
            "bos_token_id": 5,
            "sep_token_id": 3,
            "eos_token_id": 3,
        },
        vision_config={**layers, "image_size": SIDE, "patch_size": 16},
        projection_dim=16,
        image_text_hidden_size=32,
    )
    model = transformers.BlipForConditionalGeneration(config)
    with torch.no_grad():
        # Noise, but of words.
        model.text_decoder.cls.predictions.bias[: words.index("a")] = -1e4
    model.save_pretrained(folder)
    pictures = transformers.BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    transformers.BlipProcessor(pictures, tokenizer).save_pretrained(folder)
    return folder
