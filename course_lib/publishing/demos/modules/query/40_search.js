// Three lists for one query: by words (BM25), by meaning (the nearest vectors), and by both (reciprocal-rank fusion).

/** Words of a query with the term that each means: a number, -1 for a stopword, undefined where no product has it. */
function queryTerms(text, words) {
  const own = (word) => (Object.hasOwn(words, word) ? words[word] : undefined);
  return (text.toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) || []).map((word) => ({ word, term: own(word) }));
}

/** BM25 of every item: Σ ln(1 + (N − n + ½) / (n + ½)) · f / (f + k1 (1 − b + b · length / mean length)). */
function wordScores(terms, { meta, arrays }) {
  const { lengths, starts, posting_items: items, posting_counts: counts } = arrays;
  const n = lengths.length, mean = lengths.reduce((a, b) => a + b, 0) / n;
  const scores = new Float32Array(n); // rounded where bm25s rounds, so that what is equal there is equal here
  for (const { term } of terms) {
    if (term === undefined || term < 0) continue;
    const [start, end] = [starts[term], starts[term + 1]];
    const rarity = Math.fround(Math.log(1 + (n - (end - start) + 0.5) / (end - start + 0.5)));
    for (let p = start; p < end; p++) {
      const length = meta.k1 * (1 - meta.b + (meta.b * lengths[items[p]]) / mean);
      scores[items[p]] += Math.fround(rarity * (counts[p] / (counts[p] + length)));
    }
  }
  return scores;
}

/** The cosine of a query's vector with every item's. */
function vectorScores(vector, { arrays }) {
  const d = vector.length, whole = arrays.items, scale = arrays["items.scale"];
  return Float64Array.from(scale, (one, item) => {
    let sum = 0;
    for (let i = 0, a = item * d; i < d; i++) sum += vector[i] * whole[a + i];
    return sum * one;
  });
}

/** All with a score above `above` as [item, score], best first; of equal ones the first in the catalogue comes first. */
function best(scores, above = -Infinity) {
  const items = [...scores.keys()].filter((item) => scores[item] > above);
  return items.sort((a, b) => scores[b] - scores[a] || a - b).map((item) => [item, scores[item]]);
}

/** One list out of several, by places alone: Σ 1 / (60 + place); sums rounded as Python's float32 are. */
function fused(lists, n) {
  const sums = new Float64Array(n);
  for (const list of lists) list.forEach(([item], at) => { sums[item] += 1 / (61 + at); });
  return best(sums.map(Math.fround), 0);
}

/** NDCG@10 with the gain 2^grade − 1; null where no product has a grade above 0. */
function ndcg(list, grades) {
  const dcg = (all) => all.slice(0, 10).reduce((sum, grade, at) => sum + (2 ** grade - 1) / Math.log2(at + 2), 0);
  const ideal = dcg([...grades.values()].sort((a, b) => b - a));
  return ideal > 0 ? dcg(list.map(([item]) => grades.get(item) || 0)) / ideal : null;
}

/** The grades of a query of the shop that was judged: Map item -> grade; null for any other text. */
function gradesOf(text, { meta, arrays }) {
  const at = meta.judged.findIndex((query) => query.toLowerCase() === text.trim().toLowerCase());
  if (at < 0) return null;
  const [start, end] = [arrays.judged_starts[at], arrays.judged_starts[at + 1]];
  const pairs = [];
  for (let p = start; p < end; p++) pairs.push([arrays.judged_items[p], arrays.judged_grades[p]]);
  return new Map(pairs);
}

/** All that the demo shows of one query. */
function answer(text, data, encoder) {
  const terms = queryTerms(text, data.meta.words);
  const tokens = tokenize(text, encoder);
  const vector = embed(tokens, encoder);
  const words = best(wordScores(terms, data), 0);
  const meaning = text.trim() ? best(vectorScores(vector, data).map(Math.fround)) : [];
  const grades = gradesOf(text, data);
  const lists = [words, meaning, fused([words, meaning], data.arrays.lengths.length)];
  return { terms, tokens, vector, grades, lists: lists.map((list) => list.slice(0, 10)),
           ndcg: lists.map((list) => (grades ? ndcg(list, grades) : null)) };
}
