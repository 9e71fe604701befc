"""``Report``: the values of each query or user, their means, and how sure we are of them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.measurement.resampling import CONFIDENCE, bootstrap


@dataclass(frozen=True, eq=False)
class Report:
    """What ``evaluate`` measured. ``report["ndcg@10"]`` is the mean of that metric.

    Attributes:
        keys: public ids of the n queries or users that count, in the order in which the judgements first name them
            (for ``Interactions``: in the order of its user map).
        per_query: metric -> float64 [n], in the order of ``keys``.
        missing: how many of ``keys`` the ranking lacks; they count 0 in every metric.
        unjudged: ranked keys without any judgement; they don't count.
        no_relevant: judged keys without a grade ≥ 1; they don't count, as the metrics are undefined.
        kind: ``"query"`` or ``"user"``.
        gain: the gain of the NDCGs.
        seed: of the bootstrap.
        unranked: those of ``keys`` that the ranking lacks (``missing`` is their number).
        short: metrics that look at more places than the ranking's lists have; the absent places count as irrelevant.
        depth: places of these lists (0 where it is not known).
        outside: judged items that the ranking's catalogue lacks: no list can hold them.
        relevant: how many items are relevant to each key, int64 [n]; None where it is not known.
    """

    keys: tuple[str, ...]
    per_query: Mapping[str, np.ndarray]
    missing: int
    unjudged: int
    no_relevant: int
    kind: str
    gain: str
    seed: int
    unranked: frozenset[str] = frozenset()
    short: tuple[str, ...] = ()
    depth: int = 0
    outside: int = 0
    relevant: np.ndarray | None = None

    @cached_property
    def mean(self) -> dict[str, float]:
        """Metric -> mean over ``keys``."""
        return {metric: float(values.mean()) for metric, values in self.per_query.items()}

    @cached_property
    def interval(self) -> dict[str, tuple[float, float]]:
        """Metric -> 95 % percentile bootstrap interval of the mean (1,000 resamples of keys, shared by all metrics)."""
        columns = np.stack(list(self.per_query.values()), axis=1)
        low, high = bootstrap(columns, self.seed)
        return {m: (float(low[j]), float(high[j])) for j, m in enumerate(self.per_query)}

    def to_dict(self) -> dict[str, Any]:
        """JSON-like: ``{"n": …, "missing": …, "unjudged": …, "no_relevant": …, "metrics": {m: {mean, low, high}}}``."""
        metrics = {
            m: {"mean": self.mean[m], "low": self.interval[m][0], "high": self.interval[m][1]} for m in self.per_query
        }
        counts = {"missing": self.missing, "unjudged": self.unjudged, "no_relevant": self.no_relevant}
        return {"kind": self.kind, "n": len(self.keys), **counts, "gain": self.gain, "metrics": metrics}

    def select(self, keys: Iterable[str]) -> Report:
        """The report of some of the keys, in this report's order; it says nothing of ranked or judged others.

        Raises:
            ContractError: none of the keys, or one that was not measured.
        """
        wanted = {keys} if isinstance(keys, str) else set(keys)
        rows = [row for row, key in enumerate(self.keys) if key in wanted]
        if not rows or len(rows) < len(wanted):
            unknown = sorted(wanted.difference(self.keys))
            what = f"no {self.kind} {unknown[0]!r} was measured" if unknown else f"no {self.kind} is selected"
            raise ContractError(what)
        chosen = tuple(self.keys[row] for row in rows)
        unranked = self.unranked & wanted
        values = {metric: values[rows] for metric, values in self.per_query.items()}
        relevant = None if self.relevant is None else self.relevant[rows]
        seen = (self.short, self.depth, self.outside, relevant)
        return Report(chosen, values, len(unranked), 0, 0, self.kind, self.gain, self.seed, unranked, *seen)

    def __getitem__(self, metric: str) -> float:
        if metric not in self.per_query:
            raise ContractError(f"the report has no {metric!r}; it has {', '.join(self.per_query)}")
        return self.mean[metric]

    def __len__(self) -> int:
        return len(self.keys)

    def _caption(self) -> str:
        noun = {"query": "quer", "user": "user"}[self.kind] + {"query": ("y", "ies"), "user": ("", "s")}[self.kind][len(self) != 1]
        notes = ((self.missing, "not ranked, counted 0"), (self.no_relevant, "without a relevant item, left out"),
                 (self.unjudged, "ranked but not judged, ignored"),
                 (self.outside, "judged items are not in the ranking's catalogue: is it another shop's?"))  # fmt: skip
        short = [f"lists of {self.depth} places are too short for {', '.join(self.short)}"] if self.short else []
        return "; ".join([f"{len(self):,} {noun}", *(f"{n:,} {what}" for n, what in notes if n), *short])

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(m, f"{self.mean[m]:.4f}", "{:.4f}–{:.4f}".format(*self.interval[m])) for m in self.per_query]

    def __repr__(self) -> str:
        rows = [("metric", "mean", f"{CONFIDENCE} % CI"), *self._rows()]
        wide = max(len(metric) for metric, _, _ in rows)
        table = "\n".join(f"{metric:<{wide}}  {mean:>7}  {interval}" for metric, mean, interval in rows)
        return f"Report ({self._caption()})\n{table}"

    def _repr_html_(self) -> str:
        rows = [(html.escape(metric), mean, interval) for metric, mean, interval in self._rows()]
        body = "".join(f'<tr><th scope="row">{m}</th><td>{mean}</td><td>{ci}</td></tr>' for m, mean, ci in rows)
        head = "".join(f'<th scope="col">{name}</th>' for name in ("metric", "mean", f"{CONFIDENCE} % CI"))
        return f"<table><caption>{self._caption()}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
