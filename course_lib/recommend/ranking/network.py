"""A neural click and purchase model on the same table as the trees, trained by the course's one loop."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.training import History, device_of, fit
from course_lib.recommend.ranking.din import InterestBody
from course_lib.recommend.ranking.features import Table
from course_lib.recommend.ranking.multitask import FORMS, TwoHeads, two_task_loss


class ClickBuyNetwork:
    """DIN's attention below, two heads above.

    Args:
        groups: int64 [n_items, g], what is embedded of each product (``item_groups``).
        form: ``"shared"`` or ``"esmm"``, of the loss (``two_task_loss``).
        attention: False: the mean of the history in its place, the control.
        epochs: passes over the training rows. batch_size, learning_rate, d, width: as usual.

    Attributes:
        history: of the training (``language.training.History``).
    """

    def __init__(
        self, groups: np.ndarray, *, form: str = "esmm", attention: bool = True, epochs: float = 2, batch_size: int = 512,
        learning_rate: float = 3e-3, d: int = 8, width: int = 32, seed: int = 0,
    ):  # fmt: skip
        if form not in FORMS or not epochs > 0 or batch_size < 1:
            raise ContractError(f"form is one of {', '.join(FORMS)}, epochs above 0, batch_size at least 1")
        self.groups, self.form, self.attention, self.epochs = np.asarray(groups), form, attention, epochs
        self.batch_size, self.learning_rate, self.d, self.width, self.seed = batch_size, learning_rate, d, width, seed
        self.model: TwoHeads | None = None

    def fit(self, table: Table, click: np.ndarray, buy: np.ndarray) -> Self:
        """Learn from impressions; raises ContractError for other lengths, no click, or a purchase without one."""
        click, buy = np.asarray(click, dtype=np.float32), np.asarray(buy, dtype=np.float32)
        if not (len(click) == len(buy) == len(table)) or not click.any() or (buy > click).any():
            raise ContractError("one click and one purchase entry per row, with clicks, and no purchase without a click")
        self.names = table.names
        self.mean, self.scale = table.values.mean(axis=0), table.values.std(axis=0) + 1e-6
        with torch.random.fork_rng(devices=[]):  # the caller's random state stays
            torch.manual_seed(int(generator(self.seed, "click network").integers(2**31)))
            body = InterestBody(
                torch.from_numpy(self.groups), len(table.names), self.d, self.width, average=not self.attention
            )
            self.model = TwoHeads(body, self.width, (float(click.mean()), float(buy.sum() / click.sum())))
        columns = (*self._columns(table), torch.from_numpy(click), torch.from_numpy(buy))
        n = min(self.batch_size, len(table))
        rng = generator(self.seed, "click network", "batches")

        def batches() -> Any:
            while True:
                order = rng.permutation(len(table))
                for i in range(0, len(order) - n + 1, n):
                    yield [column[order[i : i + n]] for column in columns]

        def loss(model: TwoHeads, batch: list[Tensor]) -> Tensor:
            *x, c, b = (part.to(device_of(model)) for part in batch)
            return two_task_loss(*model(*x), c, b, self.form)

        steps = max(1, int(self.epochs * len(table) / n))
        self.history: History = fit(
            self.model, batches(), loss, steps=steps, learning_rate=self.learning_rate, seed=self.seed,
            autocast=False, tag=f"clicks {self.form}", progress=False,
        )  # fmt: skip
        return self

    def probabilities(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """P(click) and P(buy | click) of each row, float64 [n].

        Raises:
            ContractError: before ``fit``, or for other columns than it learned from.
        """
        if self.model is None:
            raise ContractError("the network has learned nothing yet", remedy="Call fit(table, click, buy) first")
        if table.names != self.names:
            raise ContractError(f"columns {', '.join(table.names)}, where {', '.join(self.names)} were learned")
        found, device = [np.zeros((0, 2))], device_of(self.model)
        with torch.no_grad():
            for start in range(0, len(table), 8_192):
                part = self._columns(table.select(np.arange(start, min(start + 8_192, len(table)))))
                logits = torch.stack(self.model(*(column.to(device) for column in part)), dim=1)
                found.append(torch.sigmoid(logits).double().cpu().numpy())
        return tuple(np.concatenate(found).T)

    def _columns(self, table: Table) -> tuple[Tensor, Tensor, Tensor]:
        dense = ((table.values - self.mean) / self.scale).astype(np.float32)
        return torch.from_numpy(dense), torch.from_numpy(table.item), torch.from_numpy(table.history)


def item_groups(shop: Any) -> np.ndarray:
    """int64 [n_items, 3]: row, category and brand of each product, for the embeddings."""
    groups = [np.unique(shop.items[name][:], return_inverse=True)[1] for name in ("category", "brand")]
    return np.column_stack([np.arange(len(shop.items)), *groups])
