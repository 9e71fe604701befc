// The picture, its sentence and its table; Python drew the first of each.

/** Where a value stands in the picture; the frame names its edges. */
function places(svg, grid) {
  const [left, top, right, bottom] = svg.dataset.plot.split(" ").map(Number);
  const [low, high] = [Math.log(grid[0]), Math.log(grid[grid.length - 1])];
  return {
    x: (m) => left + ((right - left) * (Math.log(m) - low)) / (high - low),
    y: (value) => bottom - (bottom - top) * value,
  };
}

/** Who wins among few and who in the whole shop, in words. */
function verdict(model, state, { a, b }) {
  const { at, grid } = state;
  const last = grid.length - 1;
  const side = (i) => (Math.abs(a[i] - b[i]) < 0.005 ? "level" : a[i] > b[i] ? "a" : "b");
  const [few, all] = [side(at), side(last)];
  const pair = (winner, i) => (winner === "b" ? [b[i], a[i]] : [a[i], b[i]]).map((value) => number(model, value, 3));
  const [first, second] = [pair(few, at), pair(all, last)];
  const values = {
    m: number(model, grid[at]), few: few === "level" ? "" : say(model, few), all: all === "level" ? "" : say(model, all),
    a: first[0], b: first[1], c: second[0], d: second[1],
  };
  if (at === last) return say(model, all === "level" ? "whole_level" : "whole", values);
  if (few === "level" || all === "level") return say(model, few === all ? "same_level" : "level", values);
  return say(model, few === all ? "same" : "turned", values);
}

function render({ model, el }) {
  const controls = part(el, "controls"), svg = part(el, "picture"), rows = [...part(el, "rows").rows];
  const keys = ["at", "k", "metric", "share"];
  const cache = {};
  const state = () => {
    const now = Object.fromEntries(["items", "grid", "ranges", ...keys].map((key) => [key, model.get(key)]));
    now.at = Math.min(Math.max(Math.round(now.at), 0), now.grid.length - 1); // an address may say anything
    now.share = Math.min(Math.max(Math.round(now.share), 0), 100);
    now.k = [...part(el, "k").options].some((option) => Number(option.value) === now.k) ? now.k : 10;
    now.metric = now.metric === "ndcg" ? "ndcg" : "hit";
    return now;
  };

  function draw() {
    const now = state();
    const both = curves(now, cache);
    const { x, y } = places(svg, now.grid);
    for (const name of ["a", "b"]) {
      const line = both[name].map((value, i) => `${i ? "L" : "M"}${x(now.grid[i]).toFixed(1)} ${y(value).toFixed(1)}`);
      part(svg, `line-${name}`).setAttribute("d", line.join(""));
      part(svg, `dot-${name}`).setAttribute("transform", `translate(${x(now.grid[now.at]).toFixed(1)} ${y(both[name][now.at]).toFixed(1)})`);
      rows.forEach((row, i) => { row.cells[name === "a" ? 1 : 2].textContent = number(model, both[name][i], 3); });
    }
    const at = x(now.grid[now.at]).toFixed(1);
    part(svg, "line-at").setAttribute("d", part(svg, "line-at").getAttribute("d").replace(/M[\d.]+/, `M${at}`));
    part(svg, "metric-name").textContent = `${now.metric}@${now.k}`;
    for (const name of ["at", "share"]) {
      part(el, name).value = now[name];
      const shown = name === "at" ? number(model, now.grid[now.at]) : `${now.share} %`;
      part(el, `${name}-value`).textContent = shown;
      part(el, name).setAttribute("aria-valuetext", shown);
    }
    for (const name of ["k", "metric"]) part(el, name).value = String(now[name]);
    rows.forEach((row, i) => row.classList.toggle("contest-here", i === now.at));
    const text = verdict(model, now, both);
    if (part(el, "verdict").textContent !== text) part(el, "verdict").textContent = text;
    svg.setAttribute("aria-label", say(model, "picture", { metric: `${now.metric}@${now.k}` }) + " " + text);
  }

  for (const name of keys) {
    part(el, name).addEventListener("input", () => {
      const value = part(el, name).value;
      model.set(name, name === "metric" ? value : Number(value));
      model.save_changes();
    });
    model.on(`change:${name}`, draw);
  }
  controls.hidden = false;
  draw();
}
