"""Two questions, one model: will it be clicked, and will what is clicked be bought?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from course_lib.core.errors import ContractError

FORMS = ("shared", "esmm")


class TwoHeads(nn.Module):
    """One body, a head for clicks and a head for purchases of what was clicked; the lower layers serve both tasks.

    Source: Caruana 1997, "Multitask Learning" (the shared bottom).

    Args:
        body: gives float [n, width] for a batch's columns. width: of that.
        rates: click rate and purchases per click of the training data, at which the heads start.
    """

    def __init__(self, body: nn.Module, width: int, rates: tuple[float, float] = (0.5, 0.5)):
        super().__init__()
        self.body, self.heads = body, nn.Linear(width, 2)
        nn.init.zeros_(self.heads.weight)
        with torch.no_grad():
            self.heads.bias.copy_(torch.tensor(rates).clamp(1e-4, 1 - 1e-4).logit())

    def forward(self, *columns: Tensor) -> tuple[Tensor, Tensor]:
        """Two logits, float [n]: of P(click) and of P(buy | click)."""
        click, buy = self.heads(self.body(*columns)).float().unbind(dim=1)
        return click, buy


def two_task_loss(click_logit: Tensor, buy_logit: Tensor, click: Tensor, buy: Tensor, form: str = "shared") -> Tensor:
    """The mean loss of both tasks over a batch of impressions.

    - ``"shared"``: log-loss of the click over all impressions, plus the log-loss of the purchase over the *clicked*
      ones: the second head sees only products that somebody found worth a click, and will be asked about all.
    - ``"esmm"``: log-loss of the click, plus the log-loss of P(click) · P(buy | click) against "bought", both over *all*
      impressions. The second head is never trained by itself; it is what is left of the product.

    Both divide by the number of impressions, so that the two forms weigh the tasks alike.

    Source: Ma et al. 2018, "Entire Space Multi-Task Model" (SIGIR), eq. 3, for the second.

    Args:
        click_logit, buy_logit: float [n]. click, buy: float [n], 0 / 1; nothing is bought that wasn't clicked.

    Raises:
        ContractError: an unknown form, a purchase without a click.
    """
    if form not in FORMS:
        raise ContractError(f"form is {form!r}; known are {', '.join(FORMS)}")
    if bool((buy > click).any()):
        raise ContractError("something was bought without a click", remedy="Join purchases to the clicks they follow")
    first = binary_cross_entropy_with_logits(click_logit, click)
    if form == "shared":
        return first + (binary_cross_entropy_with_logits(buy_logit, buy, reduction="none") * click).mean()
    both = torch.sigmoid(click_logit) * torch.sigmoid(buy_logit)
    return first + binary_cross_entropy(both.clamp(1e-7, 1 - 1e-7), buy)
