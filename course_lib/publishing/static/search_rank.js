// Finds and orders pages for Sphinx's search: it takes the place of three functions of searchtools.js.
//
// Sphinx asks that a page hold every word of a query. Pairs of Chinese characters would then fail on the first pair
// that spans two words, and whole questions fail in any language. Here every word counts by how rare it is (idf); a
// page is found when it holds at least half of what the query says that any page holds. A word in a heading counts
// more than one in the text, and a heading that says what the query says becomes a result of its own, which leads to
// its section.
"use strict";

(() => {
  const HALF = 0.5; // share of the query that a page, or a heading, must hold
  const IN_HEADING = 2.5; // weight of a word that stands in one of the page's headings; 1 in its text
  const IN_TITLE = 1.5; // on top, for the page's own title
  const BEGINNING = 0.6; // weight of a word that the query has only the beginning of
  const SEEN = 1 / 3; // share of the query's words that some page must hold
  const SECTIONS = 3; // results per page besides the page itself
  const LONG = 4; // characters: a longer run is a phrase that hardly stands so on a page; its pairs are marked instead
  const MAP = 0.6; // factor for the map page, which names everything: a page about it comes first
  const SCALE = 100; // above the scores that Sphinx gives to titles by itself

  const map = document.currentScript?.dataset.map;

  // Opened from a folder, a page may not read other pages: results come without an excerpt.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  const stems = (text) => {
    const stemmer = new Stemmer();
    return splitQuery(text.toLowerCase().trim())
      .filter((word) => !stopwords.includes(word))
      .map((word) => stemmer.stemWord(word));
  };

  /** Pages that hold a word: Map of page number to weight (1, less where only a longer word begins so). */
  const pagesOf = (word, index) => {
    const found = new Map();
    const add = (files, weight) =>
      [].concat(files).forEach((file) => found.set(file, Math.max(weight, found.get(file) || 0)));
    if (Object.hasOwn(index, word)) add(index[word], 1);
    else if (word.length > 2) {
      for (const term of Object.keys(index)) if (term.startsWith(word)) add(index[term], BEGINNING);
    } else if (word.length === 1 && word > "\u2e80") {
      for (const term of Object.keys(index)) if (term.includes(word)) add(index[term], BEGINNING);
    }
    return found;
  };

  /** What a word's count on a page says (BM25): more for the first few, less on a long page; once on a mean one: 1. */
  const K = 1.2;
  const B = 0.6;
  const { lengths = {}, often = {} } = Search.counts || {};
  const mean = Object.values(lengths).reduce((sum, one) => sum + one, 0) / (Object.keys(lengths).length || 1);
  const countWeight = (word, name) => {
    const n = (Object.hasOwn(often, word) && often[word][name]) || 1;
    return (n * (K + 1)) / (n + K * (1 - B + (B * (lengths[name] || mean || 1)) / (mean || 1)));
  };

  let unwanted = new Set(); // pages with a word that the query excludes

  Search.performTermsSearch = (searchTerms, excludedTerms) => {
    const { terms, titleterms, titles, alltitles, docnames, filenames } = Search._index;
    unwanted = new Set(
      [...excludedTerms].flatMap((word) => [...pagesOf(word, terms).keys(), ...pagesOf(word, titleterms).keys()])
    );
    const words = [...searchTerms].map((word) => {
      const text = pagesOf(word, terms);
      const headings = pagesOf(word, titleterms);
      const pages = new Set([...text.keys(), ...headings.keys()]).size;
      return { word, text, headings, idf: pages && Math.log(1 + (titles.length + 1) / (pages + 0.5)) };
    });
    // A word that no page holds tells no page from another: a typo, or a pair of characters from two words.
    if (words.filter((one) => one.idf).length < SEEN * words.length) return [];
    const whole = words.reduce((sum, one) => sum + one.idf, 0);
    if (!whole) return [];

    /** How much of the query a heading says, and how little else: 0 to 1 each. */
    const fit = (heading) => {
      const said = stems(heading).filter((word) => !/^\d+$/.test(word)); // "4 Retrieval" says retrieval
      const has = (word) => said.includes(word) || (word.length > 2 && said.some((one) => one.startsWith(word)));
      const matched = words.filter(({ word }) => has(word));
      const share = matched.reduce((sum, one) => sum + one.idf, 0) / whole;
      return { share, focus: said.length ? Math.min(1, matched.length / said.length) : 0 };
    };

    const scores = new Map(); // page -> score; only pages that hold enough of the query
    titles.forEach((title, page) => {
      let held = 0;
      let score = 0;
      for (const { word, text, headings, idf } of words) {
        const weight = Math.max(text.get(page) || 0, IN_HEADING * (headings.get(page) || 0));
        held += weight && idf;
        score += idf * weight * countWeight(word, docnames[page]);
      }
      const { share, focus } = fit(title);
      if (held / whole < HALF) return;
      scores.set(page, (score / whole + IN_TITLE * share * (1 + focus)) * (docnames[page] === map ? MAP : 1));
    });

    const results = [...scores].map(([page, score]) =>
      [docnames[page], titles[page], "", null, SCALE * score, filenames[page]]);
    const sections = new Map();
    for (const [heading, places] of Object.entries(alltitles)) {
      const { share, focus } = fit(heading);
      if (share < HALF) continue;
      for (const [page, anchor] of places) {
        if (!scores.has(page) || heading === titles[page] || anchor === null) continue;
        const score = SCALE * (scores.get(page) + share * (focus - 0.5)); // a close one before its page, others after
        if (!sections.has(page)) sections.set(page, []);
        const name = `${titles[page]} > ${heading}`;
        sections.get(page).push([docnames[page], name, `#${anchor}`, null, score, filenames[page]]);
      }
    }
    for (const found of sections.values()) {
      results.push(...found.sort((a, b) => b[4] - a[4]).slice(0, SECTIONS));
    }
    return results;
  };

  const perform = Search._performSearch;
  Search._performSearch = (...query) => {
    const results = perform(...query);
    const names = new Set([...unwanted].map((page) => Search._index.docnames[page]));
    return results.filter(([name]) => !names.has(name));
  };

  // As Sphinx's, but: the words to mark on the page are short runs of characters, not their pairs; a browser that
  // refuses to store them still searches; and "-word" is left out, which Sphinx means to do and doesn't.
  Search._parseQuery = (query) => {
    const excluded = [...query.matchAll(/(?:^|\s)-(\S+)/g)].map((match) => match[1]).join(" ");
    const wanted = query.replace(/(^|\s)-\S+/g, " ").trim();
    const runs = wanted.toLowerCase().match(/[\p{L}\p{N}_]+/gu) || [];
    const parts = runs.flatMap((run) => (run > "\u2e80" && run.length > LONG ? splitQuery(run) : [run]));
    const marked = new Set(parts.filter((word) => !stopwords.includes(word)));
    try {
      localStorage.setItem("sphinx_highlight_terms", [...marked].join(" "));
    } catch {
      // nothing is marked on the page that is opened
    }
    const words = new Set(splitQuery(wanted.toLowerCase()));
    return [wanted, new Set(stems(wanted)), new Set(stems(excluded)), marked, words];
  };
})();
