// What a contest among a few shows: the right product against m others that are drawn at random.

/** ln 0!, ln 1!, …, ln n! */
function logFactorials(n) {
  const table = new Float64Array(n + 1);
  for (let i = 2; i <= n; i++) table[i] = table[i - 1] + Math.log(i);
  return table;
}

/** What the right product earns in the place below `above` others, if the first k places count. */
function gain(above, k, metric) {
  if (above >= k) return 0;
  return metric === "ndcg" ? 1 / Math.log2(above + 2) : 1;
}

/**
 * Expected hit@k or NDCG@k of one product that stands at `rank` (from 1) among n, when m of the n − 1 others are drawn:
 * of the rank − 1 above it, a hypergeometric number comes along (Krichene and Rendle 2020).
 */
function expected(rank, n, m, k, metric, logs) {
  const all = n - 1, above = rank - 1, below = all - above;
  const least = Math.max(0, m - below), most = Math.min(above, m, k - 1);
  if (least > most) return 0;
  const choose = (a, b) => logs[a] - logs[b] - logs[a - b];
  let chance = Math.exp(choose(above, least) + choose(below, m - least) - choose(all, m));
  let sum = 0;
  for (let j = least; ; j++) {
    sum += chance * gain(j, k, metric);
    if (j === most) return sum;
    chance *= ((above - j) * (m - j)) / ((j + 1) * (below - m + j + 1));
  }
}

/** The mean of `expected` over all ranks from `low` to `high`, each as likely. */
function over(range, n, m, k, metric, logs) {
  let sum = 0;
  for (let rank = range[0]; rank <= range[1]; rank++) sum += expected(rank, n, m, k, metric, logs);
  return sum / (range[1] - range[0] + 1);
}

/** Both methods at each size of the contest: {a: [...], b: [...]}; a is exactly right in `share` of 100 cases. */
function curves({ items, grid, ranges, share, k, metric }, cache) {
  const key = `${k} ${metric}`;
  if (!cache[key]) {
    const logs = (cache.logs = cache.logs || logFactorials(items));
    const of = (range) => grid.map((m) => over(range, items, m, k, metric, logs));
    cache[key] = { sharp: of(ranges.sharp), lost: of(ranges.lost), vague: of(ranges.vague) };
  }
  const { sharp, lost, vague } = cache[key];
  return { a: sharp.map((value, i) => (share * value + (100 - share) * lost[i]) / 100), b: vague };
}
