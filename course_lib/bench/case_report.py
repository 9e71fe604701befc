"""The result of ``course bench case`` as tables for a terminal."""

from __future__ import annotations

from typing import Any

STAGES = ("encode", "index_words", "index_vectors", "encode_queries", "answer", "total")
QUERY_SIDE = ("words", "approximate", "together", "rerank", "exact")
RIVALS = ("faiss_flat", "faiss_hnsw", "bm25s", "numpy_loop")


def summary(result: dict[str, Any]) -> str:
    """The result as tables for a terminal."""
    options, seconds = result["options"], result["seconds"]
    lines = [f"{options['items']:,} products, {options['queries']:,} queries, {options['k']} results each: "
             f"{result['results']:,} results; encoder {options['encoder']}, {result['cores']} cores", "",
             "  from texts to results                 s"]  # fmt: skip
    lines += [f"    {name.replace('_', ' '):<24}{seconds[name]:>12.2f}" for name in STAGES]
    lines += ["", "  the query side, each alone            s"]
    lines += [f"    {name.replace('_', ' '):<24}{seconds[name]:>12.3f}" for name in (*QUERY_SIDE, *RIVALS)]
    lines += ["", f"  recall of the approximate lists {result['recall_vs_exact']:.4f} ({result['lists']['probes']} of "
              f"{result['lists']['number']} lists), of faiss HNSW {result['rivals']['faiss_hnsw']['recall']:.4f}"]  # fmt: skip
    lines += [f"  {name.replace('_', ' ')}: {value:.2f}" for name, value in result["ratios"].items()]
    if "growth" in result:
        lines += ["", "  growth: seconds (exponent between the first and the last size; 1 is linear)"]
        sizes, exponents = result["growth"]["sizes"], result["growth"]["exponents"]
        lines.append("    " + "".ljust(16) + "".join(f"{int(n):>12,}" for n in sizes) + "    exponent")
        for name, exponent in exponents.items():
            row = "".join(f"{size['seconds'][name]:>12.3f}" for size in sizes.values())
            lines.append(f"    {name.replace('_', ' '):<16}{row}{exponent:>12.2f}")
    return "\n".join([*lines, "", f"peak memory {result['peak_rss_mb'] / 1000:.1f} GB"])
