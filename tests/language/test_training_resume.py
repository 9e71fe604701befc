"""A training that is cut off goes on as if nothing had happened; several processes train one model."""

from __future__ import annotations

import importlib.util
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.language.checkpoint import FILE
from course_lib.language.training import fit

ROOT = Path(__file__).resolve().parents[2]


def make() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))


def batches(seed: int = 0):
    random = np.random.default_rng(seed)
    while True:
        x = torch.from_numpy(random.normal(size=(8, 4))).float()
        yield x, x.sum(dim=1, keepdim=True)


def square_loss(model, batch):
    return ((model(batch[0]) - batch[1]) ** 2).mean()


SETTINGS = dict(steps=30, learning_rate=0.01, progress=False, autocast=False, seed=3)


class Killed(Exception):
    pass


def killed_at(step: int):
    def after_step(made, model):
        if made == step:
            raise Killed

    return after_step


@pytest.mark.parametrize("at, every", [(2, 1), (13, 5), (17, 1), (29, 10)])
def test_a_cut_off_training_ends_with_the_same_weights_to_the_bit(tmp_path, at, every):
    whole = make()
    history = fit(whole, batches(), square_loss, **SETTINGS)
    with pytest.raises(Killed):
        kept = dict(checkpoint=tmp_path, checkpoint_every=every)
        fit(make(), batches(), square_loss, after_step=killed_at(at), **kept, **SETTINGS)
    resumed = make()
    with torch.no_grad():  # what the model holds before does not matter
        resumed[0].weight.zero_()
    again = fit(resumed, batches(), square_loss, checkpoint=tmp_path, checkpoint_every=every, **SETTINGS)
    assert again.loss == history.loss and again.learning_rate == history.learning_rate
    assert len(again.seconds) == 30 and all(a < b for a, b in itertools.pairwise(again.seconds))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_finished_training_is_not_repeated(tmp_path):
    first = make()
    history = fit(first, batches(), square_loss, checkpoint=tmp_path, **SETTINGS)

    def never(model, batch):
        raise AssertionError("a step was made")

    second = make()
    assert fit(second, batches(), never, checkpoint=tmp_path, **SETTINGS) == history
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


def test_after_step_ends_the_training_and_the_end_is_remembered(tmp_path):
    seen = []

    def stop(step, model):
        seen.append(step)
        return step == 6

    history = fit(make(), batches(), square_loss, after_step=stop, checkpoint=tmp_path, **SETTINGS)
    assert seen == history.step == [1, 2, 3, 4, 5, 6]
    again = fit(make(), batches(), square_loss, after_step=stop, checkpoint=tmp_path, **SETTINGS)
    assert again == history and seen == [1, 2, 3, 4, 5, 6]


def test_tied_and_frozen_weights_are_kept(tmp_path):
    def tied():
        torch.manual_seed(1)
        model = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4), "frozen": nn.Linear(4, 4)})
        model["b"].weight = model["a"].weight
        model["frozen"].requires_grad_(False)
        return model

    def loss(model, batch):
        return ((model["b"](model["frozen"](model["a"](batch[0]))) - batch[0]) ** 2).mean()

    whole, resumed = tied(), tied()
    fit(whole, batches(), loss, **SETTINGS)
    with pytest.raises(Killed):
        fit(tied(), batches(), loss, checkpoint=tmp_path, checkpoint_every=4, after_step=killed_at(10), **SETTINGS)
    fit(resumed, batches(), loss, checkpoint=tmp_path, checkpoint_every=4, **SETTINGS)
    assert resumed["a"].weight is resumed["b"].weight
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values()))


@pytest.mark.parametrize(
    "change, says",
    [(dict(learning_rate=0.02), "learning_rate was 0.01 and is 0.02"), (dict(seed=4), "seed was 3 and is 4"),
     (dict(steps=31), "steps was 30 and is 31"), (dict(tag="other"), "tag was training and is other")],
)  # fmt: skip
def test_the_checkpoint_of_another_training_is_refused(tmp_path, change, says):
    fit(make(), batches(), square_loss, checkpoint=tmp_path, **SETTINGS)
    with pytest.raises(DataError, match=f"another training: {says}.*Name another folder"):
        fit(make(), batches(), square_loss, checkpoint=tmp_path, **{**SETTINGS, **change})


def test_the_checkpoint_of_another_model_is_refused(tmp_path):
    fit(make(), batches(), square_loss, checkpoint=tmp_path, **SETTINGS)
    with pytest.raises(DataError, match=r"model\.0\.bias was \[16\] and is \[1\]"):
        fit(nn.Sequential(nn.Linear(4, 1)), batches(), square_loss, checkpoint=tmp_path, **SETTINGS)


def test_a_broken_checkpoint_is_named(tmp_path):
    (tmp_path / FILE).write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    with pytest.raises(DataError, match=f"not a checkpoint.*{FILE}.*Delete it|{FILE}"):
        fit(make(), batches(), square_loss, checkpoint=tmp_path, **SETTINGS)
    save_file({"model.x": torch.ones(2)}, tmp_path / FILE)
    with pytest.raises(DataError, match="not a checkpoint"):
        fit(make(), batches(), square_loss, checkpoint=tmp_path, **SETTINGS)


def test_too_few_batches_to_go_on_and_a_bad_interval(tmp_path):
    with pytest.raises(Killed):
        kept = dict(checkpoint=tmp_path, checkpoint_every=5)
        fit(make(), batches(), square_loss, after_step=killed_at(20), **kept, **SETTINGS)
    few = list(itertools.islice(batches(), 12))
    with pytest.raises(ContractError, match="12 batches for 15 steps"):
        fit(make(), few, square_loss, checkpoint=tmp_path, checkpoint_every=5, **SETTINGS)
    with pytest.raises(ContractError, match="checkpoint_every is 0"):
        fit(make(), batches(), square_loss, checkpoint=tmp_path, checkpoint_every=0, **SETTINGS)


def test_the_curve_has_each_step_once(tmp_path):
    logged = dict(checkpoint=tmp_path / "state", checkpoint_every=5, log_dir=tmp_path / "log", tag="curve")
    with pytest.raises(Killed):
        fit(make(), batches(), square_loss, after_step=killed_at(13), **logged, **SETTINGS)
    history = fit(make(), batches(), square_loss, **logged, **SETTINGS)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "log" / "curve")).Reload().Scalars("loss")
    assert [event.step for event in events] == history.step
    assert [event.value for event in events] == pytest.approx(history.loss)


SCRIPT = """
import sys, time
sys.path.insert(0, {root!r})
import torch
from safetensors.torch import save_file
from course_lib.language.training import fit
from tests_resume import batches, make, square_loss, SETTINGS

torch.set_num_threads(1)
slow = lambda step, model: time.sleep(float(sys.argv[3])) and None
model = make()
history = fit(model, batches(), square_loss, checkpoint=sys.argv[1], checkpoint_every=5, after_step=slow, **SETTINGS)
save_file({{**model.state_dict(), "loss": torch.tensor(history.loss)}}, sys.argv[2] + str({rank}))
"""


@pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="accelerate is not installed")
def test_accelerate_launch_runs_the_script_as_it_is(tmp_path):
    script, env = environment(tmp_path)
    quiet = ["--cpu", "--num_processes=1", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", *quiet]
    for start, out in ((launch, "launched"), ([sys.executable], "plain")):
        folders = [str(tmp_path / out / "state"), str(tmp_path / out / "end")]
        subprocess.run([*start, str(script), *folders, "0"], env=env, check=True)
    launched, plain = load_file(tmp_path / "launched" / "end"), load_file(tmp_path / "plain" / "end")
    assert all(torch.equal(plain[key], launched[key]) for key in plain)


def environment(tmp_path: Path, rank: str = "''") -> tuple[Path, dict[str, str]]:
    """A script that trains, and the environment to run it in."""
    (tmp_path / "tests_resume.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(SCRIPT.format(root=str(ROOT), rank=rank)), encoding="utf-8")
    return script, {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}", "OMP_NUM_THREADS": "1"}


def test_kill_9_and_start_again(tmp_path):
    script, env = environment(tmp_path)
    command = [sys.executable, str(script)]
    state = tmp_path / "state"
    process = subprocess.Popen([*command, str(state), str(tmp_path / "killed"), "0.1"], env=env)
    deadline = time.monotonic() + 60
    while not (state / FILE).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)  # some steps that no checkpoint knows of
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and not (tmp_path / "killed").exists()
    subprocess.run([*command, str(state), str(tmp_path / "resumed"), "0"], env=env, check=True)
    subprocess.run([*command, str(tmp_path / "new"), str(tmp_path / "whole"), "0"], env=env, check=True)
    resumed, whole = load_file(tmp_path / "resumed"), load_file(tmp_path / "whole")
    assert len(resumed["loss"]) == 30 and resumed.keys() == whole.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


@pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="accelerate is not installed")
def test_two_processes_make_the_steps_of_one_with_both_batches(tmp_path):
    script = tmp_path / "two.py"
    script.write_text(
        "import sys, torch\nfrom torch import nn\nfrom safetensors.torch import save_file\n"
        "from tests_resume import batches, square_loss\nfrom course_lib.language.processes import Processes\n"
        "from course_lib.language.training import fit\n"
        "torch.manual_seed(Processes().rank)\nmodel = nn.Linear(4, 1)\n"  # spread() must make them equal
        "every = dict(steps=10, learning_rate=0.01, autocast=False, log_dir=sys.argv[1] + '/log')\n"
        "history = fit(model, batches(), square_loss, checkpoint=sys.argv[1] + '/state', **every)\n"
        "told = {**model.state_dict(), 'loss': torch.tensor(history.loss)}\n"
        "save_file(told, f'{sys.argv[1]}/rank{Processes().rank}')\n"
    )
    _, env = environment(tmp_path)
    env = {key: value for key, value in env.items() if not key.startswith("COV_")}
    # accelerate launch starts several processes on GPUs or by MPI only; torch's own launcher sets the same variables
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run([*launch, str(script), str(tmp_path)], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = load_file(tmp_path / "rank0"), load_file(tmp_path / "rank1")
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert done.stderr.count("training:") and len(list((tmp_path / "log" / "training").iterdir())) == 1

    torch.manual_seed(0)
    alone = nn.Linear(4, 1)
    source = batches()
    pairs = ([next(source), next(source)] for _ in range(10))

    def both(model, pair):
        return sum(square_loss(model, batch) for batch in pair) / 2

    history = fit(alone, pairs, both, steps=10, learning_rate=0.01, autocast=False, progress=False)
    for name, value in alone.state_dict().items():
        assert torch.allclose(first[name], value, atol=1e-6)
    assert first["loss"].tolist() == pytest.approx(history.loss, rel=1e-5)


def test_wandb_is_asked_for_by_name_and_missed_by_name(tmp_path, monkeypatch):
    with pytest.raises(ContractError, match="wandb_project needs a log_dir"):
        fit(make(), batches(), square_loss, wandb_project="course", **SETTINGS)
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(CourseError, match="Weights & Biases is not installed.*pip install wandb"):
        fit(make(), batches(), square_loss, wandb_project="course", log_dir=tmp_path, **SETTINGS)


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
def test_wandb_keeps_the_run_offline(tmp_path):
    fit(make(), batches(), square_loss, wandb_project="course", log_dir=tmp_path, **SETTINGS)
    kept = list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(kept) == 1 and kept[0].stat().st_size > 0
