"""The result of ``course bench search``: as tables for a terminal, and the values of every query as CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from typing import Any

from course_lib.bench.output import cell, line_of_test
from course_lib.core.files import atomic_file
from course_lib.shop.measurement import Report

NOISE = 0.03  #: with a few dozen queries, a smaller difference of means says nothing, whatever its interval

#: data → figures of others on these files. For Chorus none are known: its publisher gives files and no figures.
PUBLISHED: dict[str, list[dict[str, Any]]] = {"chorus": []}

#: system → what its settings rest on
RESTS_ON = {
    "bm25": "the data's reference: k1 1.2, b .75, title, brand and description in one text",
    "minilm": "nothing to set",
    "finetuned": "fixed beforehand; trained on synthetic queries made from the products",
    "hybrid": "nothing chosen: words in one field and in two, both encoders, all in equal shares",
    "reranked": "of seven orders the best for the other queries (condensed NDCG@10, leave one out)",
}
CHOSEN_BY = "condensed_ndcg@10"  #: the metric that the order of ``reranked`` is chosen by


def write_per_query(path: str | os.PathLike[str], reports: Mapping[str, Report]) -> None:
    """Write query, system, metric, value of every measured query as CSV; the file appears whole or not at all."""
    with atomic_file(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("query", "system", "metric", "value"))
        for system, report in reports.items():
            for metric, values in report.per_query.items():
                rows.writerows((key, system, metric, float(value)) for key, value in zip(report.keys, values))


def summary(result: dict[str, Any]) -> str:
    """The result as tables for a terminal."""
    options, counts = result["options"], result["counts"]
    lines = [f"{options['data']}: {', '.join(f'{n:,} {what}' for what, n in counts.items())}, seed {options['seed']}", ""]
    metrics = list(next(iter(result["systems"].values())))
    wide = max(map(len, result["systems"]))
    lines.append("  " + "system".ljust(wide) + "".join(m.replace("_", " ").rjust(24) for m in metrics) + "   CPU s")
    for system, values in result["systems"].items():
        shown = [cell(values[m], result["intervals"][system][m]) for m in metrics]
        lines.append("  " + system.ljust(wide) + "".join(c.rjust(24) for c in shown) + f"{result['seconds'][system]:8.0f}")
    lines += ["", "  95 % intervals by bootstrap over the queries. No judgement was trained on; what the settings rest on:"]
    lines += [f"  {system.ljust(wide)}  {told['rests on']}" for system, told in result["chosen"].items()]
    orders = ", ".join(f"{form} ({n})" for form, n in result["forms"]["reranked"]["queries of each order"].items())
    lines.append(f"  orders of reranked that queries got: {orders}")
    found = [values["recall@100"] for values in result["forms"]["hybrid"].values()]
    lines.append(f"  recall@100 of {len(found)} forms of hybrid: from {min(found):.3f} to {max(found):.3f}")
    lines += ["", *(line_of_test(test) + _noise(test) for test in result["tests"])]
    if len(result["seeds"]) > 1:
        lines += ["", "  seeds of the fine-tuning:"]
        lines += [f"  {seed['seed']}: " + ", ".join(_seed(seed, metrics)) for seed in result["seeds"]]
    lines += [f"  published: {p['name']}, {p['metric']} {p['value']} ({p['source']})" for p in result["published"]]
    lines += ["", f"{result['seconds']['total']:.0f} CPU seconds, peak memory {result['peak_rss_mb'] / 1000:.1f} GB"]
    return "\n".join(lines)


def _noise(test: dict[str, Any]) -> str:
    return f"; under {NOISE}: noise" if test["noise"] else ""


def _seed(seed: dict[str, Any], metrics: list[str]) -> list[str]:
    return [f"{system} {metrics[0]} {values[metrics[0]]:.3f}" for system, values in seed.items() if system != "seed"]
