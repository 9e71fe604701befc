"""The result of ``course run`` as tables for a terminal."""

from __future__ import annotations

from typing import Any


def summary(result: dict[str, Any]) -> str:
    """The result as tables for a terminal."""
    lines = [f"Shop: {', '.join(f'{k} {v}' for k, v in result['options'].items())}"]
    for name in ("pretraining", "finetuning", "features"):
        lines += ["", name, *_flat(result["stages"][name])]
    for name in ("retrieval", "recommendation"):
        stage, counts = result["stages"][name], result["counts"].get(name)
        lines += ["", name + (f" ({counts['measured']} measured)" if counts else "")]
        lines += _flat(stage) if "skipped" in stage else _system_table(stage, result["intervals"][name])
        lines += [_test_line(test) for test in result["tests"] if test["stage"] == name]
    lines += ["", f"{result['seconds']['total']:.0f} s, peak memory {result['peak_rss_mb'] / 1000:.1f} GB"]
    return "\n".join(lines)


def _flat(stage: dict[str, Any], indent: str = "  ") -> list[str]:
    lines = []
    for key, value in stage.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}", *_flat(value, indent + "  ")]
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
            lines.append(f"{indent}{key.replace('_', ' ')}: {shown}")
    return lines


def _system_table(stage: dict[str, dict[str, float]], intervals: dict[str, dict[str, list[float]]]) -> list[str]:
    metrics = list(next(iter(stage.values())))
    lines = ["  " + "system".ljust(12) + "".join(metric.rjust(26) for metric in metrics)]
    for system, values in stage.items():
        cells = [f"{values[m]:.3f} [{intervals[system][m][0]:.3f}, {intervals[system][m][1]:.3f}]" for m in metrics]
        lines.append("  " + system.ljust(12) + "".join(cell.rjust(26) for cell in cells))
    return lines


def _test_line(test: dict[str, Any]) -> str:
    low, high = test["interval"]
    head = f"  {test['a']} − {test['b']}, {test['metric']}: {test['difference']:+.3f}"
    return f"{head} [{low:+.3f}, {high:+.3f}], paired test p = {test['p_value']:.4f}"
