"""Which weights are trained: choose linear layers by name, put something in their place, freeze the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from course_lib.core.errors import ContractError

#: the query and value projections of BERT's attention, where Hu et al. 2021 (§4.2) put LoRA
QUERY_VALUE = ("query", "value")


@dataclass(frozen=True)
class Count:
    """Numbers of single weights: those that training changes, and all."""

    trained: int
    total: int

    @property
    def share(self) -> float:
        """The part that is trained, from 0 to 1."""
        return self.trained / self.total


def find_linear(model: nn.Module, targets: Sequence[str], *, but: Sequence[str] = ()) -> list[str]:
    """Dotted names of the linear layers whose name ends with one of ``targets``, in the order of the model.

    Whole parts of a name are compared: ``"output.dense"`` is found in ``layer.0.attention.output.dense``, and ``"key"``
    isn't found in ``layer.0.monkey``.

    Args:
        but: endings that are left out.

    Raises:
        ContractError: a string in place of a list, a target that no linear layer has, or one whose place is taken.
    """
    if isinstance(targets, str) or isinstance(but, str) or not len(targets):
        raise ContractError("targets must be a list of names", remedy='Pass for example ("query", "value")')
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    for target in targets:
        if any(_ends(name, f"{target}.base") for name in linear):
            raise ContractError(f"{target!r} has something in its place already", remedy="Start from a fresh model")
        if not any(_ends(name, target) for name in linear):
            ends = sorted({name.rsplit(".", 1)[-1] for name in linear})
            raise ContractError(f"no linear layer is called {target!r}", remedy=f"This model has {', '.join(ends)}")
    wanted = [name for name in linear if any(_ends(name, t) for t in targets)]
    return [name for name in wanted if not any(_ends(name, t) for t in but)]


def inject(
    model: nn.Module, targets: Sequence[str], make: Callable[[str, nn.Linear], nn.Module], *, but: Sequence[str] = ()
) -> dict[str, nn.Module]:
    """Freeze the model, then put ``make(name, layer)`` in the place of each linear layer that is found.

    Returns:
        The new modules by name. Only what they add is trained.

    Raises:
        ContractError: as ``find_linear``.
    """
    names = find_linear(model, targets, but=but)
    train_only(model)
    made = {name: make(name, model.get_submodule(name)) for name in names}
    for name, module in made.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, module)
    return made


def train_only(model: nn.Module, *endings: str) -> nn.Module:
    """Train the parameters whose name ends with one of ``endings`` and freeze all others (all, where none is given).

    ``train_only(model, "bias")`` is BitFit (Ben Zaken et al. 2022, https://arxiv.org/abs/2106.10199).
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith(endings) if endings else False)
    return model


def count_parameters(model: nn.Module) -> Count:
    """How many weights the model has, and how many of them are trained; a shared matrix counts once.

    Raises:
        ContractError: the model has no weights.
    """
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    if not sizes:
        raise ContractError("the model has no weights to count")
    return Count(sum(n for n, trained in sizes if trained), sum(n for n, _ in sizes))


def _ends(name: str, target: str) -> bool:
    return name == target or name.endswith("." + target)
