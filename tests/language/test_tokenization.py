from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from course_lib.core.errors import ContractError
from course_lib.language.tokenization import SPECIAL_TOKENS, train_tokenizer

TEXTS = ["Red Running Shoes", "running shoes for women", "Blue running jacket", "crème brûlée torch"] * 3
TEXTS += ["红色 运动鞋", "运动 shoes"] * 3


def test_special_tokens_first_lower_case_accents_stripped():
    tokenizer = train_tokenizer(TEXTS, 200)
    assert tokenizer.convert_ids_to_tokens(range(5)) == list(SPECIAL_TOKENS)
    tokens = tokenizer.tokenize("RUNNING Crème")
    assert tokens[0] == "running" and "".join(t.removeprefix("##") for t in tokens[1:]) == "creme"
    ids = tokenizer("red shoes")["input_ids"]
    assert ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == "red shoes"


def test_chinese_characters_are_split_and_unknown_ones_are_unk():
    tokenizer = train_tokenizer(TEXTS, 200)
    assert tokenizer.tokenize("红色运动鞋") == list("红色运动鞋")
    assert tokenizer.tokenize("鞋龘") == ["鞋", "[UNK]"]
    assert not any(t.startswith("##") and t[2:] in "红色运动鞋" for t in tokenizer.get_vocab() if len(t) > 2)


def test_frequent_words_become_one_token_and_the_size_is_kept():
    texts = [" ".join(random.Random(i).choices(["alpha", "beta", "gamma", "delta", "epsilon"], k=6)) for i in range(50)]
    assert train_tokenizer(texts, 400).tokenize("alpha epsilon") == ["alpha", "epsilon"]
    for size in (40, 45):
        tokenizer = train_tokenizer(texts, size)
        assert len(tokenizer) == size and sorted(tokenizer.get_vocab().values()) == list(range(size))


def test_order_of_texts_and_process_do_not_matter():
    here = train_tokenizer(TEXTS, 120).backend_tokenizer.to_str()
    assert train_tokenizer(list(reversed(TEXTS)), 120).backend_tokenizer.to_str() == here
    code = (
        "import hashlib; from course_lib.language.tokenization import train_tokenizer;"
        f"print(hashlib.md5(train_tokenizer({TEXTS!r}, 120).backend_tokenizer.to_str().encode()).hexdigest())"
    )
    env = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONIOENCODING": "utf-8"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True).stdout
    assert other.strip() == hashlib.md5(here.encode()).hexdigest()


def test_saved_tokenizer_is_an_ordinary_one(tmp_path):
    tokenizer = train_tokenizer(TEXTS, 120, max_length=7)
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert again(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"] and again.model_max_length == 7


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=8), st.sampled_from([64, 300]))
def test_any_text_has_a_tokenizer_that_reads_it(texts, size):
    try:
        tokenizer = train_tokenizer(texts, size)
    except ContractError as error:
        assert "no text" in str(error)
        return
    assert len(tokenizer) <= size
    for ids in tokenizer(texts)["input_ids"]:
        assert all(0 <= i < len(tokenizer) for i in ids)


@pytest.mark.parametrize(
    "texts, size, message",
    [
        ("one string", 100, "one string"),
        ([1], 100, "text 0 is int"),
        ([""], 100, "no text"),
        ([], 100, "no text"),
        (["abc"], 5, "vocab_size is 5"),
    ],
)
def test_bad_input(texts, size, message):
    with pytest.raises(ContractError, match=message):
        train_tokenizer(texts, size)
