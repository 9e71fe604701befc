"""Backends: the same encoder computed by torch (bf16 where that is fast), by ONNX Runtime, or there with int8 matrices.

A backend is a function from a padded batch to pooled vectors: (ids int64 [b, l], mask int64 [b, l]) -> float32 [b, d].
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError, CourseError
from course_lib.core.files import atomic_file
from course_lib.language.encoder import TextEncoder, mean_pool
from course_lib.language.engine.packed import pack

Backend = Literal["torch", "onnx", "onnx-int8"]
BACKENDS: tuple[Backend, ...] = ("torch", "onnx", "onnx-int8")
Compute = Callable[[np.ndarray, np.ndarray], np.ndarray]


def load_backend(encoder: TextEncoder, backend: Backend = "torch") -> Compute:
    """The encoder as a function of a padded batch.

    Raises:
        ContractError: an unknown backend. CourseError: ONNX Runtime, or what exports to it, is not installed.
    """
    if backend not in BACKENDS:
        raise ContractError(f"backend {backend!r} is none of {', '.join(BACKENDS)}")
    if backend == "torch":
        return torch_backend(encoder)
    with tempfile.TemporaryDirectory() as folder:
        path = export_onnx(encoder, Path(folder) / "encoder.onnx")
        if backend == "onnx-int8":
            path = quantise(path, Path(folder) / "int8.onnx")
        return onnx_backend(path)


def torch_backend(encoder: TextEncoder) -> Compute:
    """torch, with the weights themselves in bf16 where the encoder computes in it.

    Autocast turns the weights into bf16 again for every batch and keeps what stands between the products in float32; a
    copy in bf16 does neither, and on a processor it is packed as well (``engine.packed``). Pooling stays in float32: a mean in 8 bits of precision would lose what it adds up.
    """
    model = encoder.model
    if encoder.precision == "bf16":
        model = copy.deepcopy(model).to(torch.bfloat16)
        if encoder.device == "cpu" and hasattr(model, "set_attn_implementation"):
            model.set_attn_implementation("eager")  # on short texts faster than the fused one in bf16
        if encoder.device == "cpu":
            model = pack(model)

    def compute(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        # Without padding there is nothing to mask, and attention takes a shorter way.
        batch = {"input_ids": torch.from_numpy(ids)}
        if not mask.all():
            batch["attention_mask"] = torch.from_numpy(mask)
        batch = {key: value.to(encoder.device) for key, value in batch.items()}
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
            return mean_pool(hidden, torch.from_numpy(mask).to(encoder.device)).cpu().numpy()

    return compute


class _Pooled(nn.Module):
    """What is exported: transformer and mean pooling in one graph."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return mean_pool(self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state,
                         attention_mask)  # fmt: skip


def export_onnx(encoder: TextEncoder, path: Path) -> Path:
    """Write transformer and pooling as one ONNX graph in float32, for batches of any size and length (atomically).

    Raises:
        CourseError: what the export needs is not installed, or it failed.
    """
    _require("onnx", "onnxscript")
    model = _Pooled(copy.deepcopy(encoder.model).to("cpu", torch.float32)).eval()
    axes = {0: torch.export.Dim("batch", min=1, max=65_536), 1: torch.export.Dim("length", min=1, max=encoder.max_length)}
    example = (torch.full((2, 3), 1, dtype=torch.int64), torch.tensor([[1, 1, 1], [1, 1, 0]]))
    try:
        with _quietly(), torch.inference_mode(), atomic_file(path, "wb") as file:
            program = torch.onnx.export(
                model, example, input_names=["input_ids", "attention_mask"], output_names=["vectors"],
                dynamic_shapes={"input_ids": axes, "attention_mask": axes}, dynamo=True, verbose=False,
            )  # fmt: skip
            file.write(program.model_proto.SerializeToString())
    except CourseError:
        raise
    except Exception as error:  # the exporter's errors are many, and none says what to do
        remedy = "Use backend='torch'"
        raise CourseError(f"can't export to ONNX ({type(error).__name__}: {str(error)[:200]})", where=encoder.name,
                          remedy=remedy) from error  # fmt: skip
    return path


def quantise(source: Path, target: Path) -> Path:
    """Matrices as int8 with one scale per column, activations rounded batch by batch (*dynamic* quantisation).

    Raises:
        CourseError: ONNX Runtime is not installed.
    """
    _require("onnx", "onnxruntime")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quietly():
        quantize_dynamic(str(source), str(target), weight_type=QuantType.QInt8, per_channel=True,
                         op_types_to_quantize=["MatMul", "Gemm"])  # fmt: skip
    return target


def onnx_backend(path: Path, threads: int = 1) -> Compute:
    """ONNX Runtime on the CPU; several batches may be computed at the same time, each with ``threads`` threads.

    Raises:
        CourseError: ONNX Runtime is not installed, or can't read the file.
    """
    _require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it never gives memory back, and every new shape would add to it
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes are not public
        raise CourseError(f"ONNX Runtime can't read it ({str(error)[:200]})", where=path.name) from error

    def compute(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return session.run(None, {"input_ids": ids, "attention_mask": mask})[0]

    return compute


def _require(*modules: str) -> None:
    import importlib.util

    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        remedy = "Install onnx, onnxruntime and onnxscript, or use backend='torch'"
        raise CourseError(f"{' and '.join(missing)} not installed", where="ONNX", remedy=remedy)


@contextlib.contextmanager
def _quietly() -> Any:
    """The exporter warns, logs and prints about its own inner life."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
