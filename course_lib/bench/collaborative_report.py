"""The result of ``course bench collaborative`` as tables for a terminal, and the figures of others."""

from __future__ import annotations

from typing import Any

from course_lib.bench.output import cell, line_of_test


def _published(name: str, source: str, recall: float, ndcg: float) -> list[dict[str, Any]]:
    return [
        {"name": name, "metric": metric, "value": value, "source": source}
        for metric, value in (("recall@20", recall), ("ndcg@20", ndcg))
    ]


#: figures of others on Gowalla's files, by the same protocol
PUBLISHED: list[dict[str, Any]] = [
    *_published("MF-BPR", "Mao et al. 2021, SimpleX", 0.163, 0.138),
    *_published("EASE", "Zhu et al. 2022, BARS", 0.1765, 0.1467),
    *_published("LightGCN", "LightGCN-PyTorch, its README", 0.1824, 0.1547),
    *_published("SimpleX", "Mao et al. 2021, SimpleX", 0.1872, 0.1557),
]

DIGITS = 4  #: as published figures have
_SEARCHED = "chosen on a held-out fifth of train.txt"
#: system → what its settings rest on
RESTS_ON = {
    "popularity": "nothing to set",
    "item_cosine": _SEARCHED,
    "ease": _SEARCHED,
    "bpr": _SEARCHED + " with 20 epochs, then trained with 100, which were ahead there",
    "ials": "a setting from before, ahead of six tries on the same held-out fifth",
    "lightgcn": "the defaults of LightGCN in the package",
}


def summary(result: dict[str, Any]) -> str:
    """The result as tables for a terminal."""
    options, counts = result["options"], result["counts"]
    lines = [f"{options['data']}: {', '.join(f'{n:,} {what}' for what, n in counts.items())}, seed {options['seed']}", ""]
    metrics = list(next(iter(result["systems"].values())))
    wide = max(map(len, result["systems"]))
    lines.append("  " + "system".ljust(wide) + "".join(m.rjust(26) for m in metrics) + "  learning, CPU s   numbers kept")
    for system, values in result["systems"].items():
        shown = "".join(cell(values[m], result["intervals"][system][m], DIGITS).rjust(26) for m in metrics)
        lines.append(f"  {system.ljust(wide)}{shown}{result['seconds'][system]:17.0f}{result['parameters'][system]:15,}")
    lines += ["", "  95 % intervals by bootstrap over the users. Settings:"]
    lines += [f"  {system.ljust(wide)}  {told['rests on']}" for system, told in result["chosen"].items()]
    for system, found in result["reached"].items():
        unit = next(iter(found))
        if found[unit] < found["of"]:
            lines.append(f"  {system}: the budget ended it at {found[unit]:g} of {found['of']:g} {unit}")
    if result["tests"]:
        lines += ["", *(line_of_test(test, DIGITS) for test in result["tests"])]
    lines += ["", *(f"  published: {p['name']}, {p['metric']} {p['value']} ({p['source']})" for p in result["published"])]
    lines += ["", f"{result['seconds']['total']:.0f} CPU seconds, peak memory {result['peak_rss_mb'] / 1000:.1f} GB"]
    return "\n".join(lines)
