"""Small texts in the publishers' layouts, and a small encoder in place of MiniLM."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch

QUESTIONS = {
    "CARD": ("my card is lost", "I lost my card", "where is my card", "the card did not arrive", "card stolen"),
    "MONEY": ("where is my money", "transfer money abroad", "send money home", "the money is gone", "how much money"),
    "PIN": ("I forgot my pin", "change the pin", "the pin does not work", "set a new pin", "pin blocked"),
}
BRANDS, THINGS = ("sony", "canon", "lg", "bose"), ("camera", "printer", "oven", "speaker", "phone")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """What ``datasets`` writes goes to a folder of the test."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    datasets.disable_progress_bars()


def questions() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    train = [(text + end, label) for label, texts in QUESTIONS.items() for text in texts for end in ("", " today", " now")]
    return train, [(f"please, {texts[0]}", label) for label, texts in QUESTIONS.items()]


def banking77(folder: Path) -> str:
    train, test = questions()
    for name, rows in (("train", train), ("test", test)):
        (folder / f"{name}.csv").write_text("text,category\n" + "".join(f'"{t}",{c}\n' for t, c in rows))
    return f"banking77:{folder}"


def hint3(folder: Path) -> str:
    train, test = questions()
    test += [("good morning", "NO_NODES_DETECTED"), ("what is the weather like", "NO_NODES_DETECTED")]
    for name, rows in (("train", train), ("test", test)):
        (folder / f"bot_{name}.csv").write_text("sentence,label\n" + "".join(f'"{t}",{c}\n' for t, c in rows))
    return f"hint3:{folder}/bot"


def left(i: int) -> str:
    brand, thing = BRANDS[i % 4], THINGS[(i // 4) % 5]
    return f"COL name VAL {brand} {thing} m{i}0{i} COL description VAL a {thing} by {brand} COL price VAL {10 + i}.0"


def right(i: int) -> str:
    return f"COL name VAL {BRANDS[i % 4]} {THINGS[(i // 4) % 5]} m{i}0-{i} COL description VAL  COL price VAL "


def matching(folder: Path) -> str:
    (folder / "Toy").mkdir(exist_ok=True)
    for split, (start, end) in {"train": (0, 40), "valid": (40, 52), "test": (52, 64)}.items():
        lines = []
        for i in range(start, end):
            other = start + (i - start + 4) % (end - start)
            lines += [f"{left(i)}\t{right(i)}\t1", f"{left(i)}\t{right(other)}\t0"]
        (folder / "Toy" / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return f"matching:{folder}/Toy"


MAKERS = {"banking77": banking77, "hint3": hint3, "matching": matching}


#: titles as a catalogue of this sort writes them: brand, name, kind, features
PRODUCTS = [
    {
        "id": str(n),
        "title": f"{brand} N{n}X {kind} {colour}",
        "supplier": brand,
        "name": f"N{n}X",
        "short_description": f"{kind} number {n} for every desk",
        "price": 1_000 + n,
        "attr_t_product_colour": colour,
        "attr_t_material": "Plastic",
    }
    for n, (brand, kind, colour) in enumerate(
        (brand, kind, colour)
        for brand in ("Acme", "Zenit", "Orba")
        for kind in ("laser printer", "desk lamp", "USB cable", "phone case")
        for colour in ("Black", "White")
    )
]
RATED = "Broad_Query_Set_rated.csv"


def chorus(folder: Path) -> str:
    """A small shop in Chorus' layout: each query asks for one kind; a query without any answer is judged too."""
    rows = ["query,docid,rating"]
    for query, kind in (("printer", "laser printer"), ("white lamp", "desk lamp"), ("cable for usb", "USB cable")):
        for product in PRODUCTS[::2]:
            rows.append(f"{query},{product['id']},{3 if kind in product['title'] else 0}")
    rows.append("fridge,0,0")
    with zipfile.ZipFile(folder / "1.json.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.json", json.dumps(PRODUCTS))
    (folder / RATED).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return f"chorus:{folder}"


@pytest.fixture
def chorus_data(tmp_path) -> str:
    """``--data`` of a small folder in Chorus' layout."""
    folder = tmp_path / "chorus"
    folder.mkdir()
    return chorus(folder)


@pytest.fixture
def makers() -> dict:
    """Kind → function that fills a folder and returns ``--data``."""
    return MAKERS


@pytest.fixture(params=list(MAKERS))
def argument(request, tmp_path) -> str:
    """``--data`` of a small folder of each kind."""
    return MAKERS[request.param](tmp_path)


@pytest.fixture(scope="session")
def small_encoder():
    """MiniLM's tokenizer before a random transformer of one layer."""
    from transformers import BertConfig, BertModel

    from course_lib.core.errors import CourseError
    from course_lib.language.encoder import TextEncoder
    from course_lib.language.features import load_minilm

    try:
        tokenizer = load_minilm(sources=("cache", "package")).tokenizer
    except CourseError as error:
        pytest.skip(f"no pretrained tokenizer here: {error}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        model = BertModel(BertConfig(vocab_size=len(tokenizer), **shape), add_pooling_layer=False)
    return TextEncoder(model, tokenizer, max_length=32, name="small", device="cpu")


@pytest.fixture
def small_minilm(small_encoder, monkeypatch) -> None:
    """The benchmark finds the small encoder where it looks for MiniLM."""
    for module in ("text_intents_guess", "text_matching", "search_systems"):
        monkeypatch.setattr(f"course_lib.bench.{module}.load_minilm", lambda **_: small_encoder.copy())
