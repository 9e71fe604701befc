/* Makes the map's picture the map to work with. All texts come from the page. */
(function () {
  "use strict";
  const box = document.querySelector(".mindmap"), logic = window.courseMapLogic, progress = window.courseProgress;
  if (!box || !logic || !progress) return;
  const $ = (selector, from = box) => from.querySelector(selector), $$ = (selector) => [...box.querySelectorAll(selector)];
  const { branches, aliases, words, own, left } = JSON.parse($(".mm-data").textContent);
  const store = progress.open(aliases), svg = $(".mm-svg"), card = $(".mm-card"), search = $("#mm-search");
  const topics = branches.flatMap((branch) => branch.topics), nodes = new Map(), edges = new Map();
  const say = (name, values) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const titles = (list) => list.map((topic) => topic.title[own]).join(words.concepts);
  const item = (id) => document.getElementById(id); // a topic's place in the list
  const PREFS = "course:map";
  let prefs = { role: "all", depth: "topics", view: "map" };
  try { prefs = { ...prefs, ...JSON.parse(localStorage.getItem(PREFS)) }; } catch { /* they start anew */ }
  let folded = new Set(), opened = new Set(), hits = null, selected = "", hovered = "", before = "", at, kept;

  for (const el of $$(".mm-edge")) edges.set(el.dataset.to, el);
  for (const el of $$(".mm-node")) {
    const [id, k] = el.dataset.id.split("#"), topic = topics.find((one) => one.id === id);
    const branch = branches.find((one) => one.id === id.split(".")[0]), level = !topic ? 1 : k === undefined ? 2 : 3;
    nodes.set(el.dataset.id, { el, level, topic, branch, k });
    el.setAttribute("role", "treeitem");
    el.setAttribute("aria-level", level);
    el.setAttribute("tabindex", -1);
    if (level === 2 && topic.ready) el.setAttribute("href", $("a", item(id)).href);
    if (level === 3) el.setAttribute("aria-label", el.textContent);
  }
  const zoom = window.courseMapZoom(svg, $(".mm-view"));
  svg.setAttribute("role", "tree");
  svg.setAttribute("aria-label", words.tree);

  /* --- what is known of a topic --- */
  const right = (topic) => topic.questions.filter((name) => {
    const entry = kept.questions[`${topic.id}/${name}`];
    return entry && progress.passed(entry);
  }).length;
  const needsOf = (topic) => topics.filter((one) => topic.needs.includes(one.id));
  const checked = (topic) => topic.questions.length > 0 && right(topic) === topic.questions.length;
  const state = (topic) => (checked(topic) ? "done" : kept.topics[topic.id] || "");
  const isDone = (topic) => state(topic) === "done";
  const shown = (topic) => logic.forRole(topic, prefs.role) && (!hits || hits.some((hit) => hit.id === topic.id));

  /* --- drawing --- */
  function set(el, attributes) {
    for (const key in attributes) el.setAttribute(key, attributes[key]);
    return el;
  }

  function draw() {
    const width = $(".mm-frame").clientWidth, found = hits || [];
    if (!width) return;
    const shut = new Set([...folded].filter((id) => !found.some((hit) => hit.id.startsWith(id + "."))));
    const wide = new Set([...opened, ...found.filter((hit) => hit.concepts.length).map((hit) => hit.id)]);
    at = logic.layout(branches, left, logic.modeFor(width), width, shut, wide);
    svg.dataset.mode = logic.modeFor(width);
    set(svg, { viewBox: `0 0 ${at.width} ${at.height}` });
    $(".mm-root").setAttribute("transform", `translate(${at.width / 2} ${at.height / 2})`);
    for (const [id, { el, level, topic, branch, k }] of nodes) {
      const place = at.places.get(id);
      el.style.display = place ? "inline" : "none";
      if (edges.has(id)) edges.get(id).setAttribute("d", place ? logic.edge(at, at.places.get(branch.id), topic && place) : "");
      if (!place) continue;
      el.setAttribute("transform", `translate(${place.x} ${place.y})`);
      el.classList.toggle("mm-mirrored", place.out < 0);
      if (level === 1) fit(el, place, at.rule.box, 0, 30, at.rule.box / 2);
      else if (level === 2) fit(el, place, at.column ? at.side - at.rule.xTopic + 10 : 281, 10, at.rule.topic - 1, 13);
      else fit(el, place, at.column ? at.side - at.rule.xConcept + 8 : 270, 8, at.rule.concept - 1, 9);
      if (level === 1) {
        const all = shut.has(id) ? say("fold", { n: branch.topics.length }) : "";
        set($(".mm-more", el), { x: place.out * (at.rule.box + 8) }).textContent = all;
      }
      if (level < 3) el.setAttribute("aria-expanded", level === 1 ? !shut.has(id) : wide.has(id));
      const dim = topic ? !shown(topic) : !branch.topics.some(shown);
      el.classList.toggle("mm-dim", dim);
      if (edges.has(id)) edges.get(id).classList.toggle("mm-dim", dim);
      el.classList.toggle("mm-hit", Boolean(found.find((hit) => topic && hit.id === topic.id && (!k || hit.concepts.includes(+k)))));
      const listed = item(topic ? topic.id : "branch-" + id);
      if (level < 3) listed.hidden = dim;
    }
    zoom.keep();
    if (!at.places.has(active())) roving(branches[0].id);
    arcs();
  }
  function fit(el, place, width, inset, height, text) {
    set($("rect", el), { x: place.out > 0 ? -inset : inset - width, width, y: -height / 2, height });
    set($("text", el), { x: place.out * text });
    const bar = $(".mm-bar", el);
    if (bar) set(bar, { x: place.out > 0 ? 8 : 8 - width });
  }

  /* Lines from what a topic builds on, directly (strong) and indirectly (faint). */
  function arcs() {
    const id = hovered || selected, group = $(".mm-arcs"), needed = id ? logic.closure(topics, id) : new Map();
    const side = (place, far) => `${place.x - place.out * far} ${place.y}`; // towards the trunk
    const spot = (one) => at.places.get(one) || at.places.get(one.split(".")[0]);
    group.replaceChildren();
    for (const topic of topics.filter((one) => one.id === id || needed.has(one.id))) for (const need of topic.needs) {
      const from = spot(need), to = spot(topic.id), line = document.createElementNS(svg.namespaceURI, "path");
      const bow = at.column ? 24 : Math.min(110, 26 + Math.abs(from.y - to.y) / 4);
      set(line, { class: topic.id === id ? "mm-arc" : "mm-arc mm-far", "marker-end": "url(#mm-arrow)",
        d: `M${side(from, 7)}C${side(from, bow)} ${side(to, bow)} ${side(to, 7)}` });
      group.prepend(line);
    }
    for (const [one, { el, level }] of nodes) if (level === 2) {
      el.classList.toggle("mm-need", needed.get(one) === 1);
      el.classList.toggle("mm-chosen", one === id);
      el.setAttribute("aria-selected", one === selected);
    }
  }

  /* --- progress --- */
  function refresh() {
    kept = store.read();
    const ready = topics.filter((one) => one.ready && logic.forRole(one, prefs.role));
    const after = logic.nextFor(topics, prefs.role, isDone, (topic) => state(topic) === "reading");
    const sum = (list, value) => list.reduce((total, one) => total + value(one), 0), done = ready.filter(isDone);
    for (const [id, { el, level, topic, branch }] of nodes) {
      if (level === 2) {
        const count = right(topic), all = topic.questions.length;
        el.dataset.state = item(id).dataset.state = state(topic);
        el.classList.toggle("mm-next", topic === after.topic);
        $(".mm-passed", el).textContent = count ? `${count}/${all}` : "";
        const facts = [topic.title[own], say("minutes", { n: topic.minutes }), topic.ready ? words[state(topic) || "none"] : words.planned];
        if (all) facts.push(say("exercises", { passed: count, all }));
        if (topic.needs.length) facts.push(`${words.needs}: ${titles(needsOf(topic))}`);
        el.setAttribute("aria-label", facts.join(". "));
      } else if (level === 1) {
        const share = branch.topics.filter(isDone).length / branch.topics.length;
        $(".mm-bar", el).setAttribute("width", share * 120);
      }
    }
    $(".mm-ring-done").style.strokeDasharray = `${(100 * done.length) / (ready.length || 1)} 100`;
    $(".mm-ring-count").textContent = say("doneOf", { done: done.length, ready: ready.length });
    $(".mm-ring-word").textContent = words.ring;
    $(".mm-mine").textContent = say("totals", {
      done: done.length, ready: ready.length, reading: ready.filter((one) => state(one) === "reading").length,
      passed: sum(ready, right), questions: sum(ready, (one) => one.questions.length),
      hours: Math.round(sum(ready.filter((one) => !isDone(one)), (one) => one.minutes) / 6) / 10,
    });
    if (store.trouble) told(words[store.trouble === "newer" ? "newStore" : "notKept"]);
    cards(after);
  }
  const told = (text) => { $(".mm-said").textContent = text; };

  function mark(topic, to) {
    if (!topic.ready || checked(topic)) return;
    store.setState(topic.id, to);
    refresh();
  }
  const turn = (topic) => mark(topic, { "": "reading", reading: "done", done: "" }[state(topic)]);

  function make(tag, attributes, ...children) {
    const el = document.createElement(tag);
    set(el, attributes);
    el.append(...children.filter(Boolean));
    return el;
  }
  const link = (topic, name) =>
    make("a", { href: nodes.get(topic.id).el.getAttribute("href"), class: name }, name ? words.open : topic.title[own]);

  function fill(el, topic, kicker, text, facts) {
    const focus = el.contains(document.activeElement) && document.activeElement.dataset.to;
    const states = make("div", { class: "mm-states", role: "group", "aria-label": words.state });
    for (const to of ["", "reading", "done"]) {
      const pressed = topic && state(topic) === to, name = to || "none";
      const button = make("button", { type: "button", "data-to": name, "aria-pressed": pressed }, words[name]);
      button.disabled = topic && checked(topic);
      button.onclick = () => mark(topic, to);
      states.append(button);
    }
    el.replaceChildren(
      make("div", { class: "mm-card-text" }, make("p", { class: "mm-kicker" }, kicker),
        topic && make("p", { class: "mm-card-title" }, topic.ready ? link(topic, "") : topic.title[own]),
        make("p", {}, text), facts && make("p", { class: "mm-card-facts" }, facts)),
      topic && make("div", { class: "mm-card-do" }, ...(topic.ready ? [link(topic, "mm-open"), states] : [make("p", {}, words.planned)])),
    );
    if (focus) $(`[data-to=${focus}]`, el).focus();
  }
  function cards(after) {
    fill($(".mm-after"), after.topic, words.next, say(after.why, { topics: titles(after.needs) }), "");
    const topic = topics.find((one) => one.id === selected);
    card.hidden = !topic;
    if (!topic) return;
    const facts = [say("minutes", { n: topic.minutes }), `${words.needs}: ${titles(needsOf(topic)) || words.nothing}`];
    if (topic.questions.length) facts.push(say("exercises", { passed: right(topic), all: topic.questions.length }));
    fill(card, topic, branches.find((one) => one.topics.includes(topic)).title[own],
      $(".mindmap-summary", item(selected)).textContent, facts.join(" · "));
  }

  /* --- moving --- */
  const active = () => $('.mm-node[tabindex="0"]')?.dataset.id;
  function roving(id) {
    for (const [one, { el }] of nodes) el.setAttribute("tabindex", one === id ? 0 : -1);
  }
  function select(id) {
    selected = id;
    refresh();
    arcs();
  }
  function go(id) {
    const { el } = nodes.get(id);
    zoom.reveal(at.places.get(id));
    el.focus({ preventScroll: true });
    const { top, bottom } = el.getBoundingClientRect(), low = window.innerHeight - card.offsetHeight - 40;
    if (top < 90 || bottom > low) window.scrollBy(0, top < 90 ? top - 140 : bottom - low + 60);
  }
  function fold(set, id, value) {
    set[value ? "add" : "delete"](id);
    draw();
  }
  function toggle(id, open) {
    const { level } = nodes.get(id);
    if (level === 1) fold(folded, id, !(open ?? folded.has(id)));
    if (level === 2) fold(opened, id, open ?? !opened.has(id));
  }
  const keys = {
    ArrowDown: (id, list, n) => list[n + 1] && go(list[n + 1]),
    ArrowUp: (id, list, n) => list[n - 1] && go(list[n - 1]),
    Home: (id, list) => go(list[0]),
    End: (id, list) => go(list[list.length - 1]),
    ArrowRight(id, list, n) {
      const { el, level } = nodes.get(id);
      if (el.getAttribute("aria-expanded") === "false") toggle(id, true);
      else if (level < 3) go(list[n + 1]);
    },
    ArrowLeft(id) {
      const { el, level, topic, branch } = nodes.get(id);
      if (el.getAttribute("aria-expanded") === "true") toggle(id, false);
      else if (level > 1) go(level === 3 ? topic.id : branch.id);
    },
    Enter(id) {
      const { el, level, topic } = nodes.get(id);
      if (level === 1) toggle(id);
      else if (level === 2 && topic.ready) location.href = el.getAttribute("href");
    },
    " "(id) { const { level, topic } = nodes.get(id); if (level === 1) toggle(id); else turn(topic); },
    "+": () => zoom.by(1.25), "=": () => zoom.by(1.25), "-": () => zoom.by(0.8), 0: () => zoom.fit(),
    "/": () => search.focus(),
    Escape: () => select(""),
  };
  svg.addEventListener("keydown", (event) => {
    const id = event.target.dataset?.id, list = [...nodes.keys()].filter((one) => at.places.has(one));
    if (!id || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key](id, list, list.indexOf(id));
  });
  const nodeOf = (event) => event.target.closest?.(".mm-node")?.dataset.id || "";
  const topicOf = (id) => (id && nodes.get(id).topic?.id) || "";
  svg.addEventListener("focusin", (event) => { roving(nodeOf(event)); select(topicOf(nodeOf(event))); });
  svg.addEventListener("pointerdown", () => { before = selected; });
  svg.addEventListener("pointerover", (event) => { hovered = topicOf(nodeOf(event)); arcs(); });
  svg.addEventListener("pointerleave", () => { hovered = ""; arcs(); });
  svg.addEventListener("click", (event) => {
    const id = nodeOf(event);
    if (!id) return select("");
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab: the link's own business
    const { el, level, topic } = nodes.get(id), dot = level === 2 && $(".mm-dot", el).getBoundingClientRect();
    if (dot && topic.ready && Math.abs(event.clientX - dot.x - dot.width / 2) < 13) turn(topic);
    else if (level === 2 && topic.ready && before === id) return; // the second click opens the chapter
    else if (level === 1) toggle(id);
    event.preventDefault();
    select(topicOf(id));
  });

  /* --- controls --- */
  function choose(name, value) {
    prefs[name] = value;
    try { localStorage.setItem(PREFS, JSON.stringify(prefs)); } catch { /* not remembered */ }
    box.dataset.view = prefs.view;
    if (name === "depth") {
      folded = new Set(value === "branches" ? branches.map((one) => one.id) : []);
      opened = new Set(value === "concepts" ? topics.map((one) => one.id) : []);
    }
    refresh();
    draw();
  }
  for (const input of $$(".mm-choice input")) {
    const name = input.name.slice(3);
    input.checked = prefs[name] === input.value;
    input.addEventListener("change", () => choose(name, input.value));
  }
  for (const button of $$("[data-zoom]"))
    button.onclick = () => ({ in: () => zoom.by(1.25), out: () => zoom.by(0.8), fit: zoom.fit })[button.dataset.zoom]();
  search.addEventListener("input", () => {
    hits = search.value.trim() ? logic.find(branches, search.value) : null;
    $(".mm-found").textContent = !hits ? "" : hits.length ? say("found", { n: hits.length }) : words.notFound;
    draw();
  });
  search.addEventListener("focus", () => select(""));
  search.addEventListener("keydown", (event) => { if (event.key === "Enter" && hits?.length && prefs.view === "map") go(hits[0].id); });
  $(".mm-export").onclick = () => {
    const url = URL.createObjectURL(new Blob([store.exported()], { type: "application/json" }));
    make("a", { href: url, download: "course-progress.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  const file = $(".mm-keep input");
  $(".mm-import").onclick = () => file.click();
  file.addEventListener("change", async () => {
    try {
      const count = store.imported(await file.files[0].text());
      told(say("imported", { n: count.questions, m: count.topics }));
    } catch (error) { told(words[error.kind === "newer" ? "newFile" : "badFile"]); }
    file.value = "";
    refresh();
  });
  function follow() {
    const id = decodeURIComponent(location.hash.slice(1)), live = (aliases[id] || id).replace(/^branch-/, "");
    if (nodes.has(live) && prefs.view === "map") go(live);
  }
  window.addEventListener("hashchange", follow);
  window.addEventListener("storage", (event) => { if (event.key === progress.KEY) refresh(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
  box.classList.add("mm-on");
  for (const el of $$(".mm-tools, .mm-line, .mm-after, .mm-keep")) el.hidden = false;
  choose("depth", prefs.depth);
  new ResizeObserver(draw).observe($(".mm-frame"));
  follow();
})();
