"""Adapters, LoRA and AdaLoRA against the library ``peft``, against plain formulas, and against what they promise."""

from __future__ import annotations

import copy
import math
import subprocess
import sys

from functools import partial

import numpy as np
import peft as library
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BertConfig, BertModel

from course_lib.core.errors import ContractError, DataError
from course_lib.language.finetuning import evaluate_classifier
from course_lib.language.peft import (
    AdaLoRALinear,
    Importance,
    LoRALinear,
    RankAllocator,
    Schedule,
    activation_bytes,
    adalora_layers,
    count_parameters,
    find_linear,
    inject_adalora,
    inject_adapter,
    inject_lora,
    is_merged,
    keep_best,
    load_adapters,
    lora_size,
    merge,
    optimiser_bytes,
    orthogonality,
    save_adapters,
    train_only,
    training_bytes,
    tune_classifier,
    unmerge,
)
from course_lib.language.peft.exhibits import (
    ADALORA,
    FULL,
    GRIDS,
    as_report,
    correctness,
    grid_of,
    methods,
    shelves,
    tune,
)

D, LAYERS, VOCABULARY = 16, 2, 40


def bert(dtype=torch.float64, seed=0) -> BertModel:
    torch.manual_seed(seed)
    shape = dict(vocab_size=VOCABULARY, hidden_size=D, num_hidden_layers=LAYERS, num_attention_heads=2,
                 intermediate_size=32, max_position_embeddings=12)  # fmt: skip
    quiet = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager")
    return BertModel(BertConfig(**shape, **quiet), add_pooling_layer=False).to(dtype).eval()


def tokens(seed=0, rows=3, length=7):
    return torch.randint(VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))


def out(model, ids):
    return model(input_ids=ids).last_hidden_state


def randomise(model, seed=1):
    """Random trained weights, so that nothing is zero."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=random, dtype=torch.float64))


def toy_loss(model, ids):
    return (out(model, ids)[:, 0] - 0.3).square().mean()


INJECTORS = {
    "lora": lambda m, seed=0: inject_lora(m, 3, seed=seed),
    "adalora": lambda m, seed=0: inject_adalora(m, 3, seed=seed),
    "houlsby": lambda m, seed=0: inject_adapter(m, 4, seed=seed),
    "pfeiffer": lambda m, seed=0: inject_adapter(m, 4, placement="pfeiffer", norms=False, seed=seed),
}
MERGEABLE = ("lora", "adalora")


# -- what all of them promise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", INJECTORS)
def test_at_first_the_model_is_as_it_was(method):
    plain, changed = bert(), bert()
    INJECTORS[method](changed)
    torch.testing.assert_close(out(changed, tokens()), out(plain, tokens()), rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", INJECTORS)
def test_only_what_was_added_is_trained(method):
    model = bert()
    made = INJECTORS[method](model)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for step in range(2):  # one step alone moves only the half that isn't multiplied by zero
        optimiser.zero_grad()
        toy_loss(model, tokens(step)).backward()
        optimiser.step()
    for name, parameter in model.named_parameters():
        added = any(name.startswith(layer + ".") and ".base." not in name for layer in made)
        added |= method == "houlsby" and "LayerNorm" in name
        assert parameter.requires_grad == added, name
        assert torch.equal(parameter, before[name]) != added, name


@pytest.mark.parametrize("method", INJECTORS)
def test_seeds(method):
    def drawn(seed):
        model = bert()
        INJECTORS[method](model, seed)
        return torch.cat([p.flatten() for p in model.parameters() if p.requires_grad])

    state = torch.get_rng_state()
    first = drawn(0)
    torch.manual_seed(123)
    assert torch.equal(first, drawn(0)) and not torch.equal(first, drawn(1))
    torch.set_rng_state(state)


@pytest.mark.parametrize("method", MERGEABLE)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_merging_changes_nothing_but_the_cost(method, dtype, tolerance):
    model = bert(dtype)
    made = INJECTORS[method](model)
    randomise(model)
    before, kept = out(model, tokens()), [layer.base.weight.clone() for layer in made.values()]
    plain = out(bert(dtype), tokens())
    assert (before - plain).abs().max() > 0.01
    assert merge(model) == len(made) and is_merged(model)
    torch.testing.assert_close(out(model, tokens()), before, rtol=0, atol=tolerance)
    with pytest.raises(ContractError, match="merged already"):
        merge(model)
    assert unmerge(model) == len(made) and not is_merged(model)
    assert all(torch.equal(layer.base.weight, weight) for layer, weight in zip(made.values(), kept))
    assert torch.equal(out(model, tokens()), before)
    with pytest.raises(ContractError, match="isn't merged"):
        unmerge(model)


@pytest.mark.parametrize("method", INJECTORS)
def test_a_file_holds_the_trained_weights_alone(method, tmp_path):
    one, other = bert(torch.float32), bert(torch.float32)
    INJECTORS[method](one), INJECTORS[method](other)
    randomise(one)
    size = save_adapters(tmp_path / "a.safetensors", one)
    count = count_parameters(one)
    assert count.trained * 4 < size < count.trained * 4 + 6_000
    assert set(load_file(tmp_path / "a.safetensors")) == {n for n, p in one.named_parameters() if p.requires_grad}
    assert not torch.equal(out(other, tokens()), out(one, tokens()))
    load_adapters(tmp_path / "a.safetensors", other)
    assert torch.equal(out(other, tokens()), out(one, tokens()))
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_files_that_do_not_fit(tmp_path):
    model, path = bert(), tmp_path / "a.safetensors"
    inject_lora(model, 3)
    save_adapters(path, model)
    wider, plain = bert(), train_only(bert())
    inject_lora(wider, 4)
    before = {name: p.clone() for name, p in wider.named_parameters()}
    with pytest.raises(DataError, match="don't fit the model"):
        load_adapters(path, wider)
    assert all(torch.equal(p, before[name]) for name, p in wider.named_parameters())
    part = load_file(path)
    part.popitem()
    save_file(part, path)
    with pytest.raises(DataError, match="1 weights don't fit"):
        load_adapters(path, model)
    path.write_bytes(b"not safetensors")
    with pytest.raises(DataError, match="can't read"):
        load_adapters(path, model)
    with pytest.raises(DataError, match="can't read"):
        load_adapters(tmp_path / "none", model)
    with pytest.raises(DataError, match="can't write"):
        save_adapters(tmp_path / "no" / "folder", model)
    with pytest.raises(ContractError, match="nothing in this model"):
        save_adapters(path, plain)
    merge(model)
    with pytest.raises(ContractError, match="is merged"):
        save_adapters(path, model)
    with pytest.raises(ContractError, match="is merged"):
        load_adapters(path, model)


# -- choosing and counting --------------------------------------------------------------------------------------------


def test_names_are_compared_by_whole_parts():
    model = bert()
    assert find_linear(model, ["query"]) == [f"encoder.layer.{i}.attention.self.query" for i in range(LAYERS)]
    both = find_linear(model, ["output.dense"])
    assert len(both) == 2 * LAYERS
    assert find_linear(model, ["output.dense"], but=["attention.output.dense"]) == both[1::2]
    with pytest.raises(ContractError, match="'uery'"):
        find_linear(model, ["uery"])
    for wrong in ("query", [], ["query", "nothing"]):
        with pytest.raises(ContractError):
            find_linear(model, wrong)


def test_no_layer_gets_two():
    model = bert()
    inject_adapter(model, 2)
    with pytest.raises(ContractError, match="already"):
        inject_adapter(model, 2)
    inject_lora(model, 2)  # other layers may
    with pytest.raises(ContractError):
        inject_lora(model, 2)


@pytest.mark.parametrize("inject", [inject_lora, inject_adalora, inject_adapter])
@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_bad_sizes(inject, size):
    with pytest.raises(ContractError):
        inject(bert(), size)


def test_other_bad_settings():
    for inject in (inject_lora, inject_adalora):
        with pytest.raises(ContractError, match="from 1 to 16"):
            inject(bert(), D + 1)
        with pytest.raises(ContractError, match="alpha"):
            inject(bert(), 2, alpha=0)
        inject(bert(), D)
    with pytest.raises(ContractError, match="placement"):
        inject_adapter(bert(), 2, placement="elsewhere")
    for function in (merge, unmerge, orthogonality, adalora_layers, count_parameters):
        with pytest.raises(ContractError):
            function(nn.Module())
    assert not is_merged(nn.Module())


def test_counts():
    model = bert()
    everything = sum(p.numel() for p in model.parameters())
    assert count_parameters(model).trained == count_parameters(model).total == everything
    inject_lora(model, 3)
    count = count_parameters(model)
    assert count.trained == lora_size([(D, D)] * 2 * LAYERS, 3) == 2 * LAYERS * 3 * 2 * D
    assert count.total == everything + count.trained and 0 < count.share < 1
    biases = train_only(bert(), "bias")
    assert {n for n, p in biases.named_parameters() if p.requires_grad} == {
        n for n, _ in biases.named_parameters() if n.endswith("bias")
    }
    tied = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    tied[1].weight = tied[0].weight
    assert count_parameters(tied).total == 4 + 2 + 2
    for shapes, rank in (([(0, 3)], 1), ([(2, 3)], 0)):
        with pytest.raises(ContractError):
            lora_size(shapes, rank)


# -- LoRA against the library -----------------------------------------------------------------------------------------


def library_lora(rank, alpha):
    settings = library.LoraConfig(r=rank, lora_alpha=alpha, target_modules=["query", "value"], lora_dropout=0.0)
    return library.get_peft_model(bert(), settings)


@pytest.fixture
def twins():
    """Our LoRA and the library's, with the same random weights."""
    ours, theirs = bert(), library_lora(3, 5.0)
    made = inject_lora(ours, 3, alpha=5.0)
    randomise(ours)
    pairs = []
    with torch.no_grad():
        for name, layer in made.items():
            their = theirs.base_model.model.get_submodule(name)
            pairs += [(layer.A, their.lora_A["default"].weight), (layer.B, their.lora_B["default"].weight)]
        for our, their in pairs:
            their.copy_(our)
    return ours, theirs, pairs


def test_lora_computes_what_the_library_computes(twins):
    ours, theirs, _ = twins
    torch.testing.assert_close(out(ours, tokens()), out(theirs, tokens()), rtol=0, atol=1e-12)
    assert count_parameters(ours).trained == theirs.get_nb_trainable_parameters()[0]


def test_lora_learns_what_the_library_learns(twins):
    ours, theirs, pairs = twins
    optimisers = [torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=0.01) for m in (ours, theirs)]
    for step in range(3):
        for model, optimiser in zip((ours, theirs), optimisers):
            optimiser.zero_grad()
            toy_loss(model, tokens(step)).backward()
            optimiser.step()
        for our, their in pairs:
            torch.testing.assert_close(our.grad, their.grad, rtol=0, atol=1e-12)
            torch.testing.assert_close(our, their, rtol=0, atol=1e-12)


def test_lora_merges_to_what_the_library_merges_to(twins):
    ours, theirs, _ = twins
    made = {name: m for name, m in ours.named_modules() if isinstance(m, LoRALinear)}
    merge(ours)
    merged = theirs.merge_and_unload()
    for name, layer in made.items():
        torch.testing.assert_close(layer.base.weight, merged.get_submodule(name).weight, rtol=0, atol=1e-12)


def test_lora_starts_in_the_library_s_range():
    model = bert()
    layer = next(iter(inject_lora(model, 8).values()))
    theirs = library_lora(8, 16).base_model.model.encoder.layer[0].attention.self.query.lora_A["default"].weight
    assert layer.A.abs().max() <= 1 / math.sqrt(D) and theirs.abs().max() <= 1 / math.sqrt(D)
    assert layer.A.std().item() == pytest.approx(theirs.std().item(), rel=0.25)


def test_the_rank_of_the_change_is_the_rank():
    model = bert()
    made = inject_lora(model, 3)
    randomise(model)
    for layer in made.values():
        assert torch.linalg.matrix_rank(layer.delta()) == 3
        assert layer.delta().shape == layer.base.weight.shape


# -- adapters: the library has none of Houlsby's, so a formula in NumPy -------------------------------------------------


def test_an_adapter_is_its_formula():
    model = bert()
    made = inject_adapter(model, 4)
    randomise(model)
    layer = next(iter(made.values()))
    x = torch.randn(5, layer.base.in_features, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    w = {name: p.detach().numpy() for name, p in layer.named_parameters()}
    h = x.numpy() @ w["base.weight"].T + w["base.bias"]
    z = h @ w["down.weight"].T + w["down.bias"]
    bent = z * 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))
    expected = h + bent @ w["up.weight"].T + w["up.bias"]
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=0, atol=1e-12)


def test_where_adapters_stand():
    houlsby, pfeiffer = bert(), bert()
    first, second = inject_adapter(houlsby, 4), inject_adapter(pfeiffer, 4, placement="pfeiffer")
    assert len(first) == 2 * LAYERS and len(second) == LAYERS and set(second) < set(first)
    norms = sum(p.numel() for n, p in houlsby.named_parameters() if "LayerNorm" in n)
    assert count_parameters(houlsby).trained == 2 * LAYERS * (2 * 4 * D + 4 + D) + norms


# -- AdaLoRA against the library --------------------------------------------------------------------------------------

PLAN = dict(steps=24, warmup=4, final=6, every=2)


def library_adalora():
    settings = library.AdaLoraConfig(init_r=4, target_r=2, tinit=PLAN["warmup"], tfinal=PLAN["final"],
                                     deltaT=PLAN["every"], total_step=PLAN["steps"], beta1=0.8, beta2=0.7,
                                     lora_alpha=6, lora_dropout=0.0, target_modules=["query", "value"])  # fmt: skip
    return library.get_peft_model(bert(), settings)


def test_adalora_allocates_as_the_library_does():
    ours, theirs = bert(), library_adalora()
    made = inject_adalora(ours, 4, alpha=6)
    randomise(ours)
    schedule = Schedule(start=4 * len(made), target=2 * len(made), **PLAN)
    allocator = RankAllocator(ours, schedule, beta1=0.8, beta2=0.7)
    pairs = {}
    with torch.no_grad():
        for name, layer in made.items():
            layer.scale = 6 / (4 + 1e-5)  # the library adds 1e-5 to the rank that it divides by
            their = theirs.base_model.model.get_submodule(name)
            their.lora_E["default"].copy_(layer.values[:, None])
            their.lora_A["default"].copy_(layer.Q)
            their.lora_B["default"].copy_(layer.P)
            pairs[name] = (layer, their)
    torch.testing.assert_close(out(ours, tokens()), out(theirs, tokens()), rtol=0, atol=1e-12)
    optimisers = [torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=0.02, weight_decay=0)
                  for m in (ours, theirs)]  # fmt: skip
    their_allocator, seen = theirs.base_model.rankallocator, []
    for step in range(1, PLAN["steps"] + 1):
        for model, optimiser in zip((ours, theirs), optimisers):
            optimiser.zero_grad()
            toy_loss(model, tokens(step)).backward()
            optimiser.step()
        if step == PLAN["steps"] - PLAN["final"]:
            continued = {name: allocator.importance.score(f"{name}.Q").clone() for name in made}
        their_budget = their_allocator.budget_schedule(step)[0]
        allocator.step()
        theirs.base_model.update_and_allocate(step)
        assert allocator.history[-1]["budget"] == schedule.budget(step) == their_budget
        for name, (layer, their) in pairs.items():
            torch.testing.assert_close(layer.values, their.lora_E["default"].squeeze(1), rtol=0, atol=1e-9)
            torch.testing.assert_close(layer.P, their.lora_B["default"], rtol=0, atol=1e-9)
            key = next((k for k in their_allocator.exp_avg_ipt if name in k and "lora_A" in k), None)
            if key is not None:
                torch.testing.assert_close(allocator.importance.score(f"{name}.Q"),
                                           their_allocator._element_score(key), rtol=1e-6, atol=1e-15)  # fmt: skip
        seen.append(sum(allocator.history[-1]["ranks"].values()))
    assert seen[0] == schedule.start and seen[-1] == schedule.target
    assert all(torch.equal(allocator.importance.score(f"{name}.Q"), score) for name, score in continued.items())
    torch.testing.assert_close(out(ours, tokens()), out(theirs, tokens()), rtol=0, atol=1e-9)


def test_who_stays_is_who_the_library_lets_stay():
    """On random importances, with ties among them."""
    theirs = library_adalora()
    their = theirs.base_model.rankallocator
    random = torch.Generator().manual_seed(0)
    names = [n for n, _ in theirs.base_model.model.named_parameters() if "lora_E" in n]
    for budget in (1, 7, 8, 15):
        scores = {}
        for name, parameter in theirs.base_model.model.named_parameters():
            if "lora_" in name:
                coarse = torch.randint(4, parameter.shape if "lora_E" in name else (1, 1), generator=random) / 4
                their.exp_avg_ipt[name] = coarse.double().expand(parameter.shape) * ("lora_E" in name)
                their.exp_avg_unc[name] = torch.ones(parameter.shape, dtype=torch.float64)
                if "lora_E" in name:
                    scores[name] = their.exp_avg_ipt[name].flatten()
        expected = their.mask_to_budget(theirs.base_model.model, budget)
        kept = keep_best(scores, budget)
        assert {name: kept[name].tolist() for name in names} == expected
        assert sum(int(k.sum()) for k in kept.values()) <= budget


def test_keep_best():
    scores = {"a": torch.tensor([3.0, 1.0]), "b": torch.tensor([2.0])}
    assert {k: v.tolist() for k, v in keep_best(scores, 2).items()} == {"a": [True, False], "b": [True]}
    assert not any(v.any() for v in keep_best(scores, 0).values())
    assert all(v.all() for v in keep_best(scores, 3).values()) and all(v.all() for v in keep_best(scores, 9).values())
    assert not keep_best({"a": torch.ones(3)}, 2)["a"].any()  # all are tied: all fall
    for wrong in (({}, 1), (scores, -1)):
        with pytest.raises(ContractError):
            keep_best(*wrong)


def test_importance_is_its_recursion():
    weight = nn.Parameter(torch.tensor([2.0, -1.0], dtype=torch.float64))
    importance, mean, spread = Importance(0.8, 0.7), np.zeros(2), np.zeros(2)
    with pytest.raises(ContractError, match="no gradient"):
        importance.update("w", weight)
    for gradient in ([1.0, 0.5], [-2.0, 0.0], [0.3, 4.0]):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        importance.update("w", weight)
        now = np.abs(weight.detach().numpy() * gradient)
        mean = 0.8 * mean + 0.2 * now
        spread = 0.7 * spread + 0.3 * np.abs(now - mean)
        np.testing.assert_allclose(importance.score("w").numpy(), mean * spread, atol=1e-15)


def test_budget_falls_once_and_ends_at_the_target():
    plan = Schedule(start=24, target=8, steps=100, warmup=20, final=30, every=5)
    budgets = [plan.budget(step) for step in range(0, 101)]
    assert budgets[:21] == [24] * 21 and budgets[70:] == [8] * 31
    assert budgets == sorted(budgets, reverse=True) and len(set(budgets)) > 8


@pytest.mark.parametrize("wrong", [dict(target=24), dict(target=0), dict(warmup=70), dict(every=0), dict(final=-1)])
def test_bad_schedules(wrong):
    with pytest.raises(ContractError):
        Schedule(**{**dict(start=24, target=8, steps=100, warmup=20, final=30), **wrong})


def test_the_allocator_wants_the_layers_of_its_schedule():
    model = bert()
    inject_adalora(model, 3)
    with pytest.raises(ContractError, match="starts with 5"):
        RankAllocator(model, Schedule(start=5, target=2, steps=10, warmup=1, final=1))
    with pytest.raises(ContractError):
        Importance(1.0, 0.5)


def test_orthogonality():
    model = bert()
    made = inject_adalora(model, 3)
    assert orthogonality(model).item() == pytest.approx(0, abs=1e-20)  # orthogonal at first
    randomise(model)
    expected = 0
    for layer in made.values():
        for m in (layer.P.T @ layer.P, layer.Q @ layer.Q.T):
            expected += np.linalg.norm(m.detach().numpy() - np.eye(3), "fro") ** 2
    assert orthogonality(model).item() == pytest.approx(expected / len(made))


def test_adalora_has_the_form_of_a_singular_value_decomposition():
    model = bert()
    layer: AdaLoRALinear = next(iter(inject_adalora(model, 4, alpha=4).values()))
    with torch.no_grad():
        layer.values.copy_(torch.tensor([3.0, 0.0, 2.0, -1.0]))
    found = torch.linalg.svdvals(layer.delta())
    torch.testing.assert_close(found[:4], torch.tensor([3.0, 2.0, 1.0, 0.0], dtype=torch.float64), rtol=0, atol=1e-12)
    assert layer.rank == 3


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*INJECTORS, "full", "bias", "none"])
def test_optimiser_memory_is_what_arithmetic_says(method):
    model = bert(torch.float32)
    if method in INJECTORS:
        INJECTORS[method](model)
    elif method != "full":
        train_only(model, *(["bias"] if method == "bias" else []))
    before = copy.deepcopy(model.state_dict())
    trained = [p for p in model.parameters() if p.requires_grad]
    counted = training_bytes(count_parameters(model).total, count_parameters(model).trained)["optimiser"]
    assert optimiser_bytes(model) == counted + 4 * len(trained)  # and a step counter for each tensor
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in trained)


def test_arithmetic_of_seven_billion():
    full = training_bytes(7_000_000_000, 7_000_000_000, weight=2, gradient=2, master=4)
    assert full["total"] == 16 * 7_000_000_000 and full["optimiser"] == 12 * 7_000_000_000
    assert training_bytes(10, 0)["total"] == 40
    for wrong in ((10, 11), (10, -1)):
        with pytest.raises(ContractError):
            training_bytes(*wrong)


def test_activations():
    layer, x = nn.Linear(8, 4), torch.randn(3, 8)
    assert activation_bytes(layer, lambda: layer(x)) == 3 * 8 * 4  # its input, for the gradient of the weights
    layer.requires_grad_(False)
    assert activation_bytes(layer, lambda: layer(x)) == 0
    full, few = bert(torch.float32), bert(torch.float32)
    inject_lora(few, 1)
    assert 0 < activation_bytes(few, lambda: out(few, tokens())) < activation_bytes(full, lambda: out(full, tokens()))


# -- training ---------------------------------------------------------------------------------------------------------

QUICK = dict(steps=60, batch_size=16, learning_rate=1e-2, device="cpu")


def everywhere(model):
    inject_lora(model, 4, targets=["query", "key", "value", "dense"])


@pytest.fixture(scope="module")
def split(catalogue):
    return [list(zip(*rows)) for rows in ([r for i, r in enumerate(catalogue) if i % 4], catalogue[::4])]


def test_lora_learns_the_task_and_leaves_its_start_alone(pretrained, split):
    start = pretrained.encoder(device="cpu")
    before = start.encode(["red shoes"])
    tuned = tune_classifier(start, *split[0], everywhere, **{**QUICK, "steps": 150})
    result = evaluate_classifier(tuned.classifier, *split[1])
    assert result["accuracy"] > 0.8 > result["majority_accuracy"]
    assert np.array_equal(start.encode(["red shoes"]), before) and tuned.count.share < 0.15
    assert tuned.ranks == [] and tuned.head == 3 * (start.dimension + 1)
    again = tune_classifier(start, *split[0], everywhere, **{**QUICK, "steps": 150})
    assert again.classifier.history.loss == tuned.classifier.history.loss


def test_allocation_that_is_never_called_keeps_the_rank(pretrained, split):
    start = pretrained.encoder(device="cpu")
    plan = Schedule(start=2 * 6, target=2 * 2, steps=60, warmup=10, final=20, every=2)
    right = tune_classifier(start, *split[0], lambda m: inject_adalora(m, 6), schedule=plan, **QUICK)
    layers = adalora_layers(right.classifier.encoder.model)
    assert len(right.ranks) == 60 and sum(right.ranks[0]["ranks"].values()) == 12
    assert sum(layer.rank for layer in layers.values()) == sum(right.ranks[-1]["ranks"].values()) == 4
    forgotten = tune_classifier(start, *split[0], lambda m: inject_adalora(m, 6), **QUICK)
    assert [layer.rank for layer in adalora_layers(forgotten.classifier.encoder.model).values()] == [6, 6]


@pytest.mark.parametrize(("texts", "labels"), [([], []), (["a"], ["x", "y"]), (["a", "b"], ["x", "x"]), ("ab", ["x", "y"])])
def test_bad_texts(pretrained, texts, labels):
    with pytest.raises(ContractError):
        tune_classifier(pretrained.encoder(device="cpu"), texts, labels, train_only, **QUICK)


def test_what_the_chapter_compares(pretrained, split):
    start, few = pretrained.encoder(device="cpu"), {**QUICK, "steps": 12}
    found = {name: tune(start, split[0], method, **few) for name, method in methods().items()}
    trained = {name: one.count.trained for name, one in found.items()}
    assert trained[FULL] == found[FULL].count.total and trained["head alone"] == 0
    assert 0 < trained["LoRA, rank 1"] < trained["LoRA, rank 4"] < trained["LoRA, rank 16"] < trained[FULL]
    assert {name for name, one in found.items() if one.ranks} == {ADALORA}
    assert sum(found[ADALORA].ranks[-1]["ranks"].values()) == 4 * 2
    report = as_report(correctness(found[FULL].classifier, *split[1]))
    assert report["accuracy"] == evaluate_classifier(found[FULL].classifier, *split[1])["accuracy"]
    assert all(len(set(grid_of(name, grids))) == 4 for grids in GRIDS.values() for name in found)


def test_merchants_have_shelves_of_their_own():
    categories = [f"leaf {i % 50}" for i in range(200)]
    one, other = shelves(categories, 0), shelves(categories, 1)
    assert one == shelves(categories, 0) != other and set(one) <= {f"shelf {i}" for i in range(1, 13)}
    assert one[:50] == one[50:100]  # whole categories


def test_the_command_line_does_not_load_it():
    code = "import sys, course_lib.cli; sys.exit('torch' in sys.modules or 'course_lib.language.peft' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_lora_goes_on_after_a_kill_and_an_allocation_refuses_to(pretrained, catalogue, tmp_path):
    texts, labels = map(list, zip(*catalogue))
    settings = dict(steps=12, batch_size=8, device="cpu", autocast=False)

    def killed(step, model):
        if step == 8:
            raise KeyboardInterrupt

    start, lora = pretrained.encoder(device="cpu"), partial(inject_lora, rank=2)
    whole = tune_classifier(start, texts, labels, lora, **settings)
    kept = dict(checkpoint=tmp_path, checkpoint_every=5)
    with pytest.raises(KeyboardInterrupt):
        tune_classifier(start, texts, labels, lora, after_step=killed, **kept, **settings)
    resumed = tune_classifier(start, texts, labels, lora, **kept, **settings)
    for name, value in whole.classifier.encoder.model.state_dict().items():
        assert torch.equal(value, resumed.classifier.encoder.model.state_dict()[name]), name
    plan = Schedule(start=4, target=2, steps=12, warmup=2, final=4)
    with pytest.raises(ContractError, match="no checkpoint"):
        tune_classifier(start, texts, labels, partial(inject_adalora, rank=2), schedule=plan, **kept, **settings)
