"""The curve of examination where users read down the list and may leave after a click, again without a likelihood."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.clicks.model import check_pages
from course_lib.search.clicks.pages import ResultPages


def harvest_cascade(
    pages: ResultPages, *, rounds: int = 2_000, tolerance: float = 1e-7, check: bool = True
) -> tuple[np.ndarray, float]:
    """θ, float64 [L], P(the user reads as far as place p, no click above), θ_1 = 1; and σ, P(a click ends the reading).

    ``harvest_examination`` with one thing more: at place p of a page only S = Π_{j above p} (1 − σ α_j) of the readers
    are left, so that the mean of a click there is θ_p α S. Everything is chosen such that expected and counted clicks
    agree: those of each pair give α, those of each place θ, and those below another click on the same page give σ:

        1 − σ = (pairs of clicks on one page) / (those expected if no click ended the reading).

    The same assumptions as ``DynamicBayesian`` with one σ and a γ for each place, by moments instead of likelihood:
    sparse pairs bias it less, since α enters only as sums and products over many products.

    Where users do something else, the result is a curve all the same, and a wrong one. One consequence of the
    assumption can be looked at: σ must come out alike from clicks at the first place and from those further down.

    Args:
        check: refuse pages where the two differ by more than 0.2, and by more than four standard errors.

    Raises:
        ContractError: no pages, no click, no rounds; ``check``, and the pages contradict the assumption.
    """
    shown, length = check_pages(pages).shown, pages.length
    if not pages.click.any() or rounds < 1:
        raise ContractError("the pages have no click, or there is no round", remedy="Give more pages, rounds ≥ 1")
    code, of_shown = np.unique(pages.code[shown], return_inverse=True)
    pair = np.zeros(shown.shape, dtype=np.int64)
    pair[shown] = of_shown
    click = pages.click.astype(np.float64)
    of_pair, of_place = np.bincount(of_shown, click[shown]), click.sum(axis=0)
    both = float((click * _below(click)).sum())
    theta, sigma, alpha = np.ones(length), 0.5, of_pair / np.bincount(of_shown)
    for _ in range(rounds):
        before, a = theta, np.where(shown, alpha[pair], 0.0)
        left = np.cumprod(np.column_stack([np.ones(len(a)), 1 - sigma * a]), axis=1)
        looks = np.bincount(of_shown, (theta * left[:, :-1])[shown])
        alpha = np.minimum(of_pair / np.maximum(looks, 1e-12), 1.0)
        a = np.where(shown, alpha[pair], 0.0)
        expected = (a * left[:, :-1]).sum(axis=0)
        theta = np.divide(of_place, expected, out=np.zeros(length), where=expected > 0)
        theta = theta / theta[0] if theta[0] > 0 else theta
        further = _below(theta * a * left[:, :-1]) / np.maximum(theta * left[:, 1:], 1e-12)
        unstopped = float((click * further).sum())  # clicks expected below each click
        sigma = float(np.clip(1 - both / unstopped, 0.0, 1.0)) if unstopped > 0 else 1.0
        if np.abs(theta - before).max() <= tolerance:
            break
    if check and unstopped > 0:
        _refuse_contradiction(click, further, sigma)
    return theta, sigma


def _refuse_contradiction(click: np.ndarray, further: np.ndarray, sigma: float) -> None:
    """Raises ContractError where clicks at the first place end the reading more, or less, often than those below.

    ``further`` is float [n, L], the clicks expected below each place if no click ended the reading.
    """
    seen, expected = click * _below(click), click * further
    off = seen - (1 - sigma) * expected
    first = np.arange(click.shape[1]) == 0
    stops, errors = [], []
    for where in (first, ~first):
        total = expected[:, where].sum()
        if total <= 0:
            return
        stops.append(1 - seen[:, where].sum() / total)
        errors.append(np.sqrt((off[:, where].sum(axis=1) ** 2).sum()) / total)
    apart = abs(stops[0] - stops[1])
    if apart > 0.2 and apart > 4 * np.hypot(*errors):
        raise ContractError(
            f"a click ends the reading with chance {stops[0]:.2f} at the first place and {stops[1]:.2f} below it: "
            "these users don't read down a cascade with one chance for all",
            remedy="Use harvest_examination, or check=False for the curve all the same",
        )


def _below(values: np.ndarray) -> np.ndarray:
    """float64 [n, L]: the sum of a page's values below each place."""
    return np.cumsum(values[:, ::-1], axis=1)[:, ::-1] - values
