// Tokens to pick, two bars for each, a sentence and a table. Tokens are put in as text, never as markup.

function showChips(model, box, tokens, row, moved, i) {
  const most = Math.max(...row), furthest = Math.max(...moved.map((value) => value || 0));
  const bar = (kind, share) => {
    const element = make("i", `attention-${kind}`);
    element.style.height = `${(100 * share).toFixed(1)}%`;
    return element;
  };
  const bars = tokens.map((_, j) => [bar("weight", row[j] / most), bar("moves", (moved[j] || 0) / furthest)]);
  const labels = [...box.querySelectorAll("label")];
  if (labels.length === tokens.length && labels.every((label, j) => part(label, "name").textContent === tokens[j])) {
    labels.forEach((label, j) => { // the same title: the keyboard keeps its place
      label.querySelector("input").checked = j === i;
      part(label, "bars").replaceChildren(...bars[j]);
      part(label, "share").textContent = percent(model, row[j]);
    });
    return;
  }
  box.replaceChildren(...tokens.map((token, j) => {
    const input = make("input"), name = make("span", "", token), share = make("small", "", percent(model, row[j]));
    Object.assign(input, { type: "radio", name: "token", value: j, checked: j === i });
    input.dataset.lmSuppressShortcuts = "true";
    const both = make("span", "attention-bars", ...bars[j]);
    both.setAttribute("aria-hidden", "true");
    Object.entries({ name, share, bars: both }).forEach(([key, element]) => { element.dataset.part = key; });
    return make("label", "", input, make("span", "attention-chip", both, name, " ", share));
  }));
}

function showRows(model, body, { tokens, moved, titleMoved }, row, i) {
  const shown = (value) => (Number.isNaN(value) ? "–" : number(model, value, 3));
  body.replaceChildren(...tokens.map((token, j) => {
    const head = make("th", "", token);
    head.scope = "row";
    const cells = [row[j], moved[i][j], titleMoved[j]].map((value) => make("td", "", shown(value)));
    return make("tr", j === i ? "attention-here" : "", head, ...cells);
  }));
}

/** What is asked for, where there is such a thing: an address may say anything. */
function asked(model, el, titles) {
  const now = {};
  for (const key of ["title", "layer", "head"]) {
    const known = [...part(el, key).options].map((option) => Number(option.value));
    now[key] = known.includes(model.get(key)) ? model.get(key) : known[0];
  }
  const last = titles[now.title].tokens.length - 1, token = model.get("token");
  now.token = Number.isInteger(token) ? Math.min(Math.max(token, 0), last) : 1;
  return now;
}

function show(model, el, titles) {
  const { title, layer, head, token } = asked(model, el, titles);
  const one = titles[title], weights = one.weights(layer, head), row = weights[token];
  for (const [key, value] of Object.entries({ title, layer, head })) part(el, key).value = String(value);
  showChips(model, part(el, "chips"), one.tokens, row, one.moved[token], token);
  showRows(model, part(el, "rows"), one, row, token);
  const shares = goes(weights);
  [...part(el, "goes").children].forEach((item, k) => { item.querySelector("b").textContent = percent(model, shares[k]); });
  part(el, "caption").textContent = say(model, "caption", { token: one.tokens[token] });
  const text = verdict(model, one, weights, token);
  if (part(el, "verdict").textContent !== text) part(el, "verdict").textContent = text;
}

function render({ model, el }) {
  const status = part(el, "status"), chips = part(el, "chips"), keys = ["title", "layer", "head", "token"];
  const first = keys.map((key) => Number(key === "token" ? chips.querySelector(":checked").value : part(el, key).value));
  let waiting = null;

  async function load() {
    status.textContent = say(model, "loading");
    const titles = openLooks(model.get("payload") || (await model.load()));
    status.textContent = "";
    return titles;
  }

  async function draw() {
    try {
      show(model, el, await (waiting = waiting || load()));
    } catch (error) {
      waiting = null;
      status.textContent = say(model, "failed", { why: error.message });
    }
  }

  for (const key of ["title", "layer", "head"]) {
    part(el, key).addEventListener("input", () => {
      if (key === "title") model.set("token", 1); // its tokens are others
      model.set(key, Number(part(el, key).value));
      model.save_changes();
    });
  }
  chips.addEventListener("change", (event) => {
    model.set("token", Number(event.target.value));
    model.save_changes();
  });
  part(el, "form").addEventListener("submit", (event) => event.preventDefault());
  for (const key of keys) model.on(`change:${key}`, draw);
  const size = model.get("size"); // of the file that the page would load; JupyterLab has the data already
  if (size) status.textContent = say(model, "made", { size: number(model, size / 1e6, 1) });
  part(el, "controls").hidden = false;
  part(el, "tokens").disabled = false;
  if (keys.some((key, k) => model.get(key) !== first[k])) draw(); // somebody sent a link to this view
}
