/* Self-test questions: the <details> of a quiz become radio buttons with a check, and the answers are remembered.
   Without this script each choice is a <details> that opens to its explanation. */
(function () {
  "use strict";

  const KEY = "course:quiz";

  // ---- what is remembered: {version: 1, pages: {page: {quiz: {first, last, right, done}}}}; ids are those of the build

  function read(text) {
    try {
      const state = JSON.parse(text);
      if (state && state.version === 1 && typeof state.pages === "object" && state.pages) return state;
    } catch (error) { /* not ours, or cut short: begin afresh */ }
    return { version: 1, pages: {} };
  }

  function answer(state, page, quiz, choice, right) {
    const answers = { ...(state.pages[page] || {}) };
    const before = answers[quiz];
    answers[quiz] = {
      first: before ? before.first : choice,
      last: choice,
      right: before ? before.right : right, // at the first try
      done: right || Boolean(before && before.done),
    };
    return { ...state, pages: { ...state.pages, [page]: answers } };
  }

  function forget(state, page) {
    const pages = { ...state.pages };
    delete pages[page];
    return { ...state, pages };
  }

  function score(state, page, quizzes) {
    const answers = quizzes.map((quiz) => (state.pages[page] || {})[quiz]).filter(Boolean);
    const done = answers.filter((one) => one.done);
    return { n: quizzes.length, tried: answers.length, right: done.length, first: done.filter((one) => one.right).length };
  }

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

  if (typeof module !== "undefined") {
    module.exports = { read, answer, forget, score, fill };
    return;
  }

  // ---- the page

  const store = {
    kept: true,
    load() {
      try { return read(localStorage.getItem(KEY)); } catch (error) { this.kept = false; return read(null); }
    },
    save(state) {
      try { localStorage.setItem(KEY, JSON.stringify(state)); } catch (error) { this.kept = false; }
    },
  };

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function enhance(field, changed) {
    const words = JSON.parse(field.dataset.words);
    const name = `quiz-${field.dataset.quiz}`;
    const choices = [...field.querySelectorAll(":scope > details.quiz-choice")].map((details, n) => {
      const id = `${name}-${n + 1}`;
      const radio = make("input", { type: "radio", name, id, value: details.dataset.choice });
      const label = make("label", { htmlFor: id }, ...details.querySelector("summary").childNodes);
      const why = details.querySelector(".quiz-why");
      why.id = `${id}-why`;
      why.hidden = true;
      const box = make("div", { className: "quiz-choice" }, make("div", { className: "quiz-line" }, radio, label), why);
      details.replaceWith(box);
      return { box, radio, why, id: details.dataset.choice, right: details.dataset.verdict === "right" };
    });
    const check = make("button", { type: "button", className: "quiz-check" }, words.check);
    const said = make("p", { className: "quiz-said" });
    said.setAttribute("aria-live", "polite");
    field.append(make("div", { className: "quiz-foot" }, check, said));

    function show(one, chosen) {
      one.why.hidden = !chosen;
      one.box.classList.toggle("quiz-right", chosen && one.right);
      one.box.classList.toggle("quiz-wrong", chosen && !one.right);
      if (chosen) one.radio.setAttribute("aria-describedby", one.why.id);
      else one.radio.removeAttribute("aria-describedby");
    }

    function render(kept) {
      const last = kept && choices.find((one) => one.id === kept.last);
      const solved = Boolean(kept && kept.done);
      for (const one of choices) {
        one.radio.checked = one === last;
        show(one, one === last || solved);
      }
      field.classList.toggle("quiz-solved", solved);
      if (!last) said.textContent = "";
      else said.textContent = last.right ? `${words.right} ${words.why}` : `${words.wrong} ${solved ? words.why : words.again}`;
    }

    check.addEventListener("click", () => {
      const one = choices.find((choice) => choice.radio.checked);
      if (one) changed(field, one);
      else said.textContent = words.choose;
    });
    for (const one of choices) {
      one.radio.addEventListener("keydown", (event) => {
        if (event.key === "Enter") { event.preventDefault(); check.click(); }
      });
      one.radio.addEventListener("change", () => { said.textContent = ""; });
    }
    return { quiz: field.dataset.quiz, known: (kept) => kept && choices.some((one) => one.id === kept.last), render };
  }

  function start() {
    const fields = [...document.querySelectorAll("fieldset.quiz")];
    if (!fields.length) return;
    const page = fields[0].dataset.page;
    const words = JSON.parse(fields[0].dataset.words);
    const ids = fields.map((field) => field.dataset.quiz);
    let state = store.load();
    const quizzes = fields.map((field) => enhance(field, (from, one) => {
      state = answer(store.kept ? store.load() : state, page, from.dataset.quiz, one.id, one.right);
      store.save(state);
      quizzes[fields.indexOf(from)].render(state.pages[page][from.dataset.quiz]);
      total();
    }));

    const line = make("span", {});
    line.setAttribute("role", "status");
    const reset = make("button", { type: "button", className: "quiz-reset" }, words.reset);
    const foot = make("p", { className: "quiz-score" }, line, " ", reset);
    fields[fields.length - 1].after(foot);

    function total() {
      const now = score(state, page, ids);
      foot.hidden = now.tried === 0;
      line.textContent = fill(words.score, now) + (store.kept ? "" : ` ${words.unsaved}`);
    }

    function all() {
      const kept = state.pages[page] || {};
      for (const one of quizzes) {
        const mine = kept[one.quiz];
        one.render(one.known(mine) ? mine : undefined); // a choice that was rewritten since is forgotten
      }
      total();
    }

    reset.addEventListener("click", () => {
      state = forget(store.kept ? store.load() : state, page);
      store.save(state);
      all();
      fields[0].querySelector("input").focus();
    });
    window.addEventListener("storage", (event) => { // the same page in another tab
      if (event.key === KEY || event.key === null) { state = read(event.newValue); all(); }
    });
    all();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
