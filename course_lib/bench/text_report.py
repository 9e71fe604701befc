"""What others published on the same data, and the result of ``course bench text`` as tables for a terminal."""

from __future__ import annotations

from typing import Any

from course_lib.bench.output import cell, line_of_test

_HINT3 = "Arora et al. 2020, https://arxiv.org/abs/2009.13833"
_LLM = "Peeters, Steiner and Bizer, https://arxiv.org/abs/2310.11244"
_BGE = "https://huggingface.co/Amitava25/banking77-intent-classifier-champion"

#: data → figures of others, on the publisher's test split unless the name says otherwise
PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "banking77": [
        {"name": "bge-small, linear SVC", "metric": "accuracy", "value": 0.9308, "source": _BGE},
    ],
    "hint3/curekart": [
        {"name": "Haptik", "metric": "accuracy", "value": 0.748, "source": _HINT3},
        {"name": "Dialogflow", "metric": "accuracy", "value": 0.732, "source": _HINT3},
        {"name": "BERT", "metric": "accuracy", "value": 0.651, "source": _HINT3},
    ],
    "matching/Abt-Buy": [
        {"name": "gpt-4o, no training", "metric": "f1", "value": 0.922, "source": _LLM},
    ],
    "matching/Amazon-Google": [
        {"name": "gpt-4o, no training", "metric": "f1", "value": 0.635, "source": _LLM},
    ],
}


def summary(result: dict[str, Any]) -> str:
    """The result as tables for a terminal."""
    options, counts = result["options"], result["counts"]
    lines = [f"{options['data']}: {', '.join(f'{n:,} {what}' for what, n in counts.items())}, seed {options['seed']}", ""]
    metrics = list(next(iter(result["systems"].values())))
    wide = max(map(len, result["systems"]))
    lines.append("  " + "system".ljust(wide) + "".join(m.replace("_", " ").rjust(24) for m in metrics) + "   CPU s")
    for system, values in result["systems"].items():
        shown = [cell(values.get(m), result["intervals"][system].get(m)) for m in metrics]
        lines.append("  " + system.ljust(wide) + "".join(c.rjust(24) for c in shown) + f"{result['seconds'][system]:8.0f}")
    lines += ["", "  95 % intervals by bootstrap over the test rows; what was chosen on training and validation data:"]
    for system, chosen in result["chosen"].items():
        told = ", ".join(f"{k.replace('_', ' ')} {_short(v)}" for k, v in chosen.items()) or "nothing"
        lines.append(f"  {system.ljust(wide)}  {told}")
    if "similarity" in result["systems"]:
        lines.append("  similarity and finetuned also read the catalogue: the texts of all products of every split, no label")
    lines += ["", *(line_of_test(test) for test in result["tests"])]
    for known in result["published"]:
        lines.append(f"  published: {known['name']}, {known['metric']} {known['value']} ({known['source']})")
    lines += ["", f"{result['seconds']['total']:.0f} CPU seconds, peak memory {result['peak_rss_mb'] / 1000:.1f} GB"]
    return "\n".join(lines)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
