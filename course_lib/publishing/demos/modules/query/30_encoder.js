// The encoder: a BERT of a few narrow layers, its matrices int8 with one scale per row.

function openEncoder({ meta, arrays, shapes }) {
  return { meta, arrays, shapes, known: new Map(meta.vocabulary.map((token, id) => [token, id])) };
}

/** x [rows, from] times the matrix `name` [to, from], plus its bias: [rows, to]. */
function linear(x, rows, name, { arrays, shapes }) {
  const [to, from] = shapes[`${name}.weight`];
  const whole = arrays[`${name}.weight`], scale = arrays[`${name}.weight.scale`], bias = arrays[`${name}.bias`];
  const out = new Float64Array(rows * to);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < to; o++) {
      let sum = 0;
      for (let i = 0, a = r * from, b = o * from; i < from; i++) sum += x[a + i] * whole[b + i];
      out[r * to + o] = sum * scale[o] + bias[o];
    }
  }
  return out;
}

/** Each row of x + y to mean 0 and variance 1, then stretched and moved as learned. */
function layerNorm(x, y, rows, name, { arrays, meta }) {
  const weight = arrays[`${name}.weight`], bias = arrays[`${name}.bias`], d = weight.length;
  const out = new Float64Array(rows * d);
  for (let r = 0; r < rows; r++) {
    const row = Float64Array.from({ length: d }, (_, i) => x[r * d + i] + (y ? y[r * d + i] : 0));
    const mean = row.reduce((a, b) => a + b) / d;
    const spread = Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / d + meta.epsilon);
    for (let i = 0; i < d; i++) out[r * d + i] = ((row[i] - mean) / spread) * weight[i] + bias[i];
  }
  return out;
}

/** The error function, off by at most 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

/** Every token looks at every other: per head, a weighted mean of the values, weights by softmax(q · k / √width). */
function attention(q, k, v, rows, d, heads) {
  const width = d / heads, out = new Float64Array(rows * d);
  for (let h = 0; h < heads; h++) {
    for (let r = 0; r < rows; r++) {
      const scores = [];
      for (let s = 0; s < rows; s++) {
        let sum = 0;
        for (let i = h * width; i < (h + 1) * width; i++) sum += q[r * d + i] * k[s * d + i];
        scores.push(sum / Math.sqrt(width));
      }
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((a, b) => a + b);
      for (let s = 0; s < rows; s++) {
        for (let i = h * width; i < (h + 1) * width; i++) out[r * d + i] += (weights[s] / total) * v[s * d + i];
      }
    }
  }
  return out;
}

/** The unit vector of a list of tokens: the mean of what the last layer says of each. */
function embed(tokens, encoder) {
  const { arrays, meta, known } = encoder;
  const table = "embeddings.word_embeddings.weight", places = "embeddings.position_embeddings.weight";
  const types = "embeddings.token_type_embeddings.weight";
  const d = encoder.shapes[table][1], rows = tokens.length;
  const entry = (name, row, i) => arrays[name][row * d + i] * arrays[`${name}.scale`][row];
  let x = new Float64Array(rows * d);
  tokens.forEach((token, r) => {
    for (let i = 0; i < d; i++) x[r * d + i] = entry(table, known.get(token), i) + entry(places, r, i) + entry(types, 0, i);
  });
  x = layerNorm(x, null, rows, "embeddings.LayerNorm", encoder);
  for (let n = 0; n < meta.layers; n++) {
    const at = `encoder.layer.${n}`;
    const [q, k, v] = ["query", "key", "value"].map((name) => linear(x, rows, `${at}.attention.self.${name}`, encoder));
    const mixed = linear(attention(q, k, v, rows, d, meta.heads), rows, `${at}.attention.output.dense`, encoder);
    x = layerNorm(x, mixed, rows, `${at}.attention.output.LayerNorm`, encoder);
    const inner = linear(x, rows, `${at}.intermediate.dense`, encoder).map((u) => 0.5 * u * (1 + erf(u / Math.SQRT2)));
    x = layerNorm(x, linear(inner, rows, `${at}.output.dense`, encoder), rows, `${at}.output.LayerNorm`, encoder);
  }
  const mean = Float64Array.from({ length: d }, (_, i) => {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += x[r * d + i];
    return sum / rows;
  });
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}
