"""The encoders of the case: MiniLM, or the small one of the first hour, trained once and kept."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from course_lib.core.cache import course_home
from course_lib.core.errors import DataError
from course_lib.core.fingerprint import code_fingerprint, fingerprint, lock_fingerprint
from course_lib.core.locks import locked

if TYPE_CHECKING:
    from course_lib.language.encoder import TextEncoder

LENGTH = 64  #: tokens; a text of 200 characters has some 50
#: the shop of `course run` without flags: another seed than the case's, so that no product is known from the training
SHOP = {"n_items": 2_000, "n_users": 1_000, "n_queries": 300, "seed": 1}


def open_encoder(name: str) -> tuple[TextEncoder, float | None]:
    """The encoder, and the seconds of its training (``None`` where nothing was trained just now)."""
    if name == "minilm":
        from course_lib.language.features import load_minilm

        return load_minilm(max_length=LENGTH), None
    from course_lib.language.encoder import TextEncoder

    home = course_home() / "case"
    folder = home / fingerprint(SHOP, code_fingerprint(["course_lib.start.first_hour"]), lock_fingerprint())
    with locked(home / "lock", patience=600):
        if folder.is_dir():
            try:
                return TextEncoder.load(folder, name="small", max_length=LENGTH), None
            except DataError as error:  # it can be trained again
                print(f"{error}: training it again", file=sys.stderr, flush=True)
        start = time.perf_counter()
        _train().save(folder)
        seconds = time.perf_counter() - start
    return TextEncoder.load(folder, name="small", max_length=LENGTH), seconds


def _train() -> TextEncoder:
    """Pretraining and fine-tuning as in the first hour."""
    from course_lib.shop.shop import Shop
    from course_lib.start import first_hour

    print("train the small encoder, as `course run` does; kept for the next time …", file=sys.stderr, flush=True)
    shop = Shop.simulate(**SHOP)
    parts = first_hour.split(shop)
    model, _ = first_hour.pretraining(shop, parts)
    return first_hour.finetuning(shop, parts, model)[0].encoder
