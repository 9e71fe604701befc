// The form, and what it shows. Texts of the shop and of readers are put in as text, never as markup.

/** What has to be said of the words: that the encoder knows none of them, or which of them no product has. */
function remark(model, { tokens, terms }) {
  if (tokens.slice(1, -1).every((token) => token === "[UNK]")) return say(model, "unread");
  const unknown = new Set(terms.filter(({ term }) => term === undefined).map(({ word }) => word));
  return unknown.size ? say(model, "unknown", { words: [...unknown].join(", ") }) : "";
}

function showVector(model, svg, vector) {
  const largest = Math.max(...vector.map(Math.abs));
  [...svg.querySelectorAll("rect")].forEach((cell, i) => {
    cell.setAttribute("class", vector[i] < 0 ? "query-below" : "query-above");
    cell.setAttribute("fill-opacity", (Math.abs(vector[i]) / largest).toFixed(3));
  });
}

function showList(model, box, list, grades, titles, digits) {
  box.replaceChildren(...list.map(([item, score]) => {
    const grade = grades ? grades.get(item) : undefined;
    const about = make("span", "query-about", number(model, score, digits));
    if (grade !== undefined) about.append(" ", make("span", `query-grade query-grade-${grade}`, say(model, "grade", { grade })));
    return make("li", "", make("span", "query-title", titles[item]), about);
  }));
  if (!list.length) box.replaceChildren(make("li", "query-none", say(model, "none")));
}

function render({ model, el }) {
  const input = part(el, "q"), button = part(el, "go"), status = part(el, "status");
  const first = input.value;
  let data = null, encoder = null, waiting = 0, busy = false;

  async function load() {
    if (data) return;
    status.textContent = say(model, "loading");
    const bytes = model.get("payload") || (await model.load());
    data = openPayload(bytes);
    encoder = openEncoder(data);
    button.textContent = say(model, "search");
  }

  function show(text) {
    const start = performance.now();
    const found = answer(text, data, encoder);
    const milliseconds = performance.now() - start;
    part(el, "tokens").replaceChildren(...found.tokens.map((token) => make("li", "", token)));
    part(el, "unknown").textContent = remark(model, found);
    showVector(model, part(el, "vector"), found.vector);
    found.lists.forEach((list, i) => {
      showList(model, part(el, `list-${i}`), list, found.grades, data.meta.titles, [2, 3, 4][i]);
      part(el, `ndcg-${i}`).textContent = found.ndcg[i] === null ? "" : `NDCG@10 ${number(model, found.ndcg[i], 3)}`;
    });
    part(el, "judged").textContent = say(model, found.grades ? "judged" : "unjudged");
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    status.textContent = say(model, "took", { text: shown, ms: number(model, milliseconds, 1) });
  }

  async function ask() {
    clearTimeout(waiting);
    const text = input.value.trim().slice(0, 200);
    if (busy) return; // a disabled button would lose the keyboard's place
    busy = true;
    try {
      await load();
      if (text) show(text);
      else status.textContent = say(model, "empty");
      if (text) model.set("q", text);
      model.save_changes();
    } catch (error) {
      status.textContent = say(model, "failed", { why: error.message });
    } finally {
      busy = false;
    }
  }

  const size = model.get("size"); // of the file that the page would load; JupyterLab has the data already
  button.textContent = size ? say(model, "load", { size: number(model, size / 1e6, 1) }) : say(model, "search");
  for (const chip of el.querySelectorAll("[data-query]")) {
    chip.addEventListener("click", () => { input.value = chip.dataset.query; ask(); });
  }
  part(el, "form").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    if (data) waiting = setTimeout(ask, 200);
  });
  model.on("change:q", () => { // from Python, in JupyterLab
    if (model.get("q") === input.value.trim()) return;
    input.value = model.get("q");
    ask();
  });
  part(el, "form").hidden = false;
  if (model.get("q") !== first) { // somebody sent a link to this query
    input.value = model.get("q");
    ask();
  }
}
