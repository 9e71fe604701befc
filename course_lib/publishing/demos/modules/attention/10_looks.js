// The numbers of the demo, and what is counted in them; Python does the same for the first frame.

/** Titles of the payload: {tokens, weights(layer, head), moved, titleMoved}; all of it rows of plain numbers. */
function openLooks(view) {
  const { meta, arrays } = openPayload(view);
  const { layers, heads, steps } = meta;
  let squares = 0, singles = 0; // where the next title begins, in n · n and in n
  return meta.tokens.map((tokens) => {
    const n = tokens.length, from = squares * layers * heads;
    const rows = (array, start) => tokens.map((_, i) => [...array.subarray(start + i * n, start + (i + 1) * n)]);
    const one = {
      tokens,
      moved: rows(arrays.moved, squares),
      titleMoved: [...arrays.title_moved.subarray(singles, singles + n)],
      /** Attention of a layer (from 1) and a head (from 1; 0: the mean of all). */
      weights(layer, head) {
        const at = (number) => rows(arrays.attention, from + ((layer - 1) * heads + number) * n * n);
        if (head) return at(head - 1).map((row) => row.map((value) => value / steps));
        const all = Array.from({ length: heads }, (_, number) => at(number));
        return tokens.map((_, i) => tokens.map((_, j) => all.reduce((sum, one) => sum + one[i][j], 0) / heads / steps));
      },
    };
    squares += n * n;
    singles += n;
    return one;
  });
}

/** The token between the marks, other than i, with the largest number; the first of several. */
function strongest(row, i) {
  let best = -1;
  for (let j = 1; j < row.length - 1; j++) if (j !== i && (best < 0 || row[j] > row[best])) best = j;
  return best;
}

/** Mean share of attention, over the tokens between the marks: to the marks, itself, the one before, after, the others. */
function goes(weights) {
  const n = weights.length, found = [0, 0, 0, 0, 0];
  for (let i = 1; i < n - 1; i++) {
    const row = weights[i];
    const parts = [row[0] + row[n - 1], row[i], i > 1 ? row[i - 1] : 0, i < n - 2 ? row[i + 1] : 0];
    const rest = row.reduce((a, b) => a + b, 0) - parts.reduce((a, b) => a + b, 0);
    [...parts, rest].forEach((value, k) => { found[k] += value / (n - 2); });
  }
  return found;
}

/** A share, as the frame writes it. */
function percent(model, value) {
  return `${number(model, 100 * value)} %`;
}

/** What a token takes, what moves it, and how often the two agree, in words. */
function verdict(model, { tokens, moved }, weights, i) {
  const row = weights[i], n = tokens.length - 2;
  const first = row.indexOf(Math.max(...row)), best = strongest(row, i), real = strongest(moved[i], i);
  let agree = 0;
  for (let k = 1; k <= n; k++) if (strongest(weights[k], k) === strongest(moved[k], k)) agree++;
  const values = {
    token: tokens[i], best: tokens[best], real: tokens[real], first: first === i ? say(model, "self") : tokens[first],
    a: percent(model, row[first]), b: percent(model, row[best]), c: percent(model, row[real]),
    x: number(model, moved[i][best], 3), y: number(model, moved[i][real], 3), n, k: agree, g: number(model, n / (n - 1), 1),
  };
  const names = [first === best ? "one" : "both", best === real ? "right" : "wrong", "count"];
  return names.map((name) => say(model, name, values)).join(model.get("language") === "zh" ? "" : " ");
}
