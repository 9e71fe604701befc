"""The result of ``course bench sequential`` as tables for a terminal, and the figures of others."""

from __future__ import annotations

from typing import Any

from course_lib.bench.output import cell, line_of_test

_S3REC, _TIGER = "Zhou et al. 2020, S3-Rec", "Rajput et al. 2023, TIGER"
_SOFTMAX = "Tikhonovich et al. 2025, eSASRec"
DIGITS = 4  #: as published figures have


def _published(name: str, source: str, hr: float, ndcg: float) -> list[dict[str, Any]]:
    return [{"name": name, "metric": metric, "value": value, "source": source} for metric, value in (("hr@10", hr), ("ndcg@10", ndcg))]


#: data → figures of others on these files, by the same protocol
PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "Beauty": [
        *_published("SASRec as first reported", _S3REC, 0.0605, 0.0318),
        *_published("TIGER", _TIGER, 0.0648, 0.0384),
        *_published("SASRec with sampled softmax", _SOFTMAX, 0.0921, 0.0531),
    ],
    "Sports_and_Outdoors": [
        *_published("SASRec as first reported", _S3REC, 0.0350, 0.0192),
        *_published("TIGER", _TIGER, 0.0400, 0.0225),
        *_published("SASRec with sampled softmax", _SOFTMAX, 0.0569, 0.0314),
    ],
}

_HELD = "on the last items but one of Beauty"
_TRIED = f"the best of forty tries {_HELD}"
#: system → what its settings rest on
RESTS_ON = {
    "popularity": "nothing to set",
    "item_cosine": _TRIED,
    "rules": _TRIED,
    "sasrec_bce": f"the best of four variants {_HELD}; it had the most epochs, and more may do better",
    "sasrec": f"the package's defaults; of two other variants {_HELD} none was ahead by 0.001 of NDCG@10",
    "lstm": "those of sasrec",
    "hstu": "those of sasrec",
}


def summary(result: dict[str, Any]) -> str:
    """The result as tables for a terminal."""
    options, counts = result["options"], result["counts"]
    lines = [f"{options['data']}: {', '.join(f'{n:,} {what}' for what, n in counts.items())}, seed {options['seed']}", ""]
    metrics = list(next(iter(result["systems"].values())))
    wide = max(map(len, result["systems"]))
    lines.append("  " + "system".ljust(wide) + "".join(m.rjust(26) for m in metrics) + "  learning, CPU s numbers kept")
    for system, values in result["systems"].items():
        shown = "".join(cell(values[m], result["intervals"][system][m], DIGITS).rjust(26) for m in metrics)
        lines.append(f"  {system.ljust(wide)}{shown}{result['seconds'][system]:17.0f}{result['parameters'][system]:13,}")
    lines += ["", "  95 % intervals by bootstrap over the users. Settings:"]
    lines += [f"  {system.ljust(wide)}  {told['rests on']}" for system, told in result["chosen"].items()]
    short = {s: r for s, r in result["reached"].items() if r["epochs"] < r["of"]}
    lines += [f"  {s}: the budget ended it after {r['epochs']:g} of {r['of']} epochs" for s, r in short.items()]
    if result["tests"]:
        lines += ["", *(line_of_test(test, DIGITS) for test in result["tests"])]
    if len(result["seeds"]) > 1:
        lines += ["", "  seeds of the training:"]
        lines += [
            f"  {row['seed']}: " + ", ".join(f"{s} {v['ndcg@10']:.4f}" for s, v in row.items() if s != "seed")
            for row in result["seeds"]
        ]
    lines += ["", *(f"  published: {p['name']}, {p['metric']} {p['value']} ({p['source']})" for p in result["published"])]
    lines += ["", f"{result['seconds']['total']:.0f} CPU seconds, peak memory {result['peak_rss_mb'] / 1000:.1f} GB"]
    return "\n".join(lines)
