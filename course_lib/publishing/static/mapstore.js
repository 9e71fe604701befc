/* A reader's progress in localStorage, in the format of `course progress --export` (course_lib/classroom/progress_format.py).
   Also a module for node, where the tests hold it against the Python side. */
(function (root, make) {
  if (typeof module === "object" && module.exports) module.exports = make();
  else root.courseProgress = make();
})(this, function () {
  "use strict";
  const KEY = "course:progress", FORMAT = "course-progress", VERSION = 1, MOST = 1e6, LONGEST = 200;
  const TOPIC = /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/, QUESTION = /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\/[a-z][a-z0-9_]*$/;
  const OUTCOMES = ["NOT ATTEMPTED", "ERROR", "FAIL", "PASS"];
  const COUNTS = ["attempts", "hints"], POINTS = ["points", "max_points", "best_points"];
  const TIMES = ["first_passed", "last_checked"];

  const empty = () => ({ format: FORMAT, version: VERSION, questions: {}, topics: {} });
  const blank = () => ({
    outcome: OUTCOMES[0], points: 0, max_points: 0, best_points: 0, attempts: 0, hints: 0, solution_shown: false,
    first_passed: null, last_checked: null,
  });
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  function fault(kind) {
    const error = new Error(kind);
    error.kind = kind; // "bad": no progress file; "newer": of a newer version
    return error;
  }

  /* A time in UTC such as 2026-01-31T08:00:00Z as a number, NaN for anything else. */
  function moment(text) {
    const found = /^(\d{4})-(\d\d?)-(\d\d?)T(\d\d?):(\d\d?):(\d\d?)Z$/.exec(text);
    if (!found) return NaN;
    const part = found.slice(1).map(Number), date = new Date(0);
    date.setUTCFullYear(part[0], part[1] - 1, part[2]);
    date.setUTCHours(part[3], part[4], part[5]);
    const same = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(),
      date.getUTCMinutes(), date.getUTCSeconds()].every((value, n) => value === part[n]);
    return same && part[0] > 0 ? date.getTime() : NaN;
  }

  function goodQuestion(id, entry) {
    if (!QUESTION.test(id) || id.length > LONGEST || !isObject(entry)) return false;
    const full = { ...blank(), ...entry };
    return OUTCOMES.includes(full.outcome)
      && COUNTS.every((key) => Number.isInteger(full[key]) && full[key] >= 0 && full[key] <= MOST)
      && POINTS.every((key) => Number.isFinite(full[key]) && full[key] >= 0 && full[key] <= MOST)
      && typeof full.solution_shown === "boolean"
      && TIMES.every((key) => full[key] === null || (typeof full[key] === "string" && !isNaN(moment(full[key]))));
  }

  const goodTopic = (id, state) =>
    TOPIC.test(id) && id.length <= LONGEST && typeof state === "string" && state.length <= 40;

  /* What could not be written again: nested too deep, half of a surrogate pair, 1e999. */
  function writable(value, levels) {
    if (typeof value === "string") return !/\p{Surrogate}/u.test(value);
    if (typeof value === "number") return Number.isFinite(value);
    if (value === null || typeof value !== "object") return true;
    return levels > 0 && Object.entries(value).every(([key, one]) => writable(key, 0) && writable(one, levels - 1));
  }

  /* The content of a file. Throws "bad" or "newer"; with `salvage`, entries that are wrong are left out instead. */
  function parse(text, salvage) {
    let value;
    try { value = JSON.parse(text); } catch { throw fault("bad"); }
    if (!isObject(value) || value.format !== FORMAT || !writable(value, 20)) throw fault("bad");
    if (!Number.isInteger(value.version) || value.version < 1) throw fault("bad");
    if (value.version > VERSION) throw fault("newer");
    const tables = [["questions", goodQuestion, (one) => ({ ...blank(), ...one })], ["topics", goodTopic, (one) => one]];
    for (const [name, good, filled] of tables) {
      const table = value[name] === undefined ? {} : value[name];
      if (!isObject(table)) throw fault("bad");
      value[name] = {};
      for (const [id, one] of Object.entries(table)) {
        if (good(id, one)) value[name][id] = filled(one);
        else if (!salvage) throw fault("bad");
      }
    }
    return value;
  }

  const passed = (entry) => entry.first_passed !== null || entry.outcome === "PASS";

  /* Two entries of one question as one that loses nothing: the better result, the larger counts, the first pass. */
  function merged(ours, theirs) {
    const rank = (one) => OUTCOMES.indexOf(one.outcome);
    const more = rank(theirs) - rank(ours) || theirs.points - ours.points;
    const better = more > 0 ? theirs : ours, all = { ...theirs, ...ours };
    for (const key of ["outcome", "points", "max_points"]) all[key] = better[key];
    for (const key of ["best_points", ...COUNTS]) all[key] = Math.max(ours[key], theirs[key]);
    all.solution_shown = ours.solution_shown || theirs.solution_shown;
    const times = (key) => [ours[key], theirs[key]].filter(Boolean).sort((a, b) => moment(a) - moment(b));
    all.first_passed = times("first_passed")[0] || null;
    all.last_checked = times("last_checked").pop() || null;
    return all;
  }

  const further = (ours, theirs) => (ours === undefined || theirs === "done" ? theirs : ours);

  /* Retired ids get their live names. */
  function renamed(data, aliases) {
    const known = (topic) => Object.hasOwn(aliases, topic);
    for (const id of Object.keys(data.questions)) {
      const [topic, name] = id.split("/");
      if (!known(topic)) continue;
      const live = aliases[topic] + "/" + name, old = data.questions[id], there = data.questions[live];
      delete data.questions[id];
      data.questions[live] = there ? merged(there, old) : old;
    }
    for (const id of Object.keys(data.topics)) {
      if (!known(id)) continue;
      const state = data.topics[id];
      delete data.topics[id];
      data.topics[aliases[id]] = further(data.topics[aliases[id]], state);
    }
    return data;
  }

  function merge(data, theirs) {
    for (const [id, entry] of Object.entries(theirs.questions))
      data.questions[id] = merged(data.questions[id] || blank(), entry);
    for (const [id, state] of Object.entries(theirs.topics)) data.topics[id] = further(data.topics[id], state);
    for (const key of Object.keys(theirs)) if (!Object.hasOwn(data, key) && key !== "__proto__") data[key] = theirs[key];
    return data;
  }

  /* storage: localStorage or anything with getItem and setItem; aliases: {retired id: live id}.
     `trouble` is "" | "newer" (what is kept is of a newer version: never overwritten) | "lost" (nothing could be kept). */
  function store(storage, aliases) {
    let memory = null; // what the browser would not keep
    const self = {
      trouble: "",
      read() {
        if (memory) return memory;
        let text = null;
        try { text = storage.getItem(KEY); } catch { self.trouble = "lost"; }
        if (text === null || text === undefined) return empty();
        try { return renamed(parse(text), aliases); } catch (error) {
          if (error.kind === "newer") { self.trouble = "newer"; return empty(); }
          try { storage.setItem(KEY + "-damaged", text); } catch { /* the good entries go on all the same */ }
          try { return renamed(parse(text, true), aliases); } catch { return empty(); }
        }
      },
      write(data) {
        if (self.trouble === "newer") return;
        try { storage.setItem(KEY, JSON.stringify(data)); memory = null; self.trouble = ""; } catch {
          memory = data;
          self.trouble = "lost";
        }
      },
      state: (topic) => self.read().topics[topic] || "",
      /* state: "", "reading" or "done" */
      setState(topic, state) {
        const data = self.read();
        if (state) data.topics[topic] = state;
        else delete data.topics[topic];
        self.write(data);
      },
      exported: () => JSON.stringify(self.read(), null, 2) + "\n",
      /* Merges a file; returns how many questions and topics it holds. Throws "bad" or "newer", and changes nothing then. */
      imported(text) {
        const theirs = renamed(parse(text), aliases);
        self.write(merge(self.read(), theirs));
        return { questions: Object.keys(theirs.questions).length, topics: Object.keys(theirs.topics).length };
      },
    };
    return self;
  }

  function browserStorage() {
    const refuse = () => { throw fault("lost"); };
    try { return window.localStorage; } catch { return { getItem: refuse, setItem: refuse }; }
  }

  return { KEY, store, parse, merge, merged, passed, renamed, empty, blank, open: (aliases) => store(browserStorage(), aliases) };
});
