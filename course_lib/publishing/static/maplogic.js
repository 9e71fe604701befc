/* The map's rules without a page: where nodes stand when branches are folded (the rules of maplayout.py), what to read
   next, what a search finds. Also a module for node, where the tests run it. */
(function (root, make) {
  if (typeof module === "object" && module.exports) module.exports = make();
  else root.courseMapLogic = make();
})(this, function () {
  "use strict";
  const WIDTH = 1020, PAIR = 640, LEAST = 942, RING = 34, PAD = 12, BETWEEN = 24;
  const TREE = { branch: 40, topic: 27, concept: 21, gap: 14, after: 6, box: 136, xBranch: 62, xTopic: 236, xConcept: 247 };
  const COLUMN = { branch: 44, topic: 34, concept: 26, gap: 8, after: 8, box: 150, xBranch: 1, xTopic: 23, xConcept: 43 };

  /* Under 942 px the 13 px of the tree's labels would shrink below 12. */
  const modeFor = (width) => (width >= LEAST ? "tree" : width >= PAIR ? "pair" : "single");

  /* branches: [{id, topics: [{id, concepts: []}]}]; left: how many stand on the left; folded, opened: Sets of ids. */
  function layout(branches, left, mode, width, folded, opened) {
    const column = mode !== "tree", rule = column ? COLUMN : TREE, places = new Map();
    const row = (topic) => rule.topic + (opened.has(topic.id) ? rule.concept * topic.concepts.length + rule.after : 0);
    const rows = (branch) => (folded.has(branch.id) ? 0 : branch.topics.reduce((sum, topic) => sum + row(topic), 0));
    const height = (branch) => (column ? rule.branch + rows(branch) : Math.max(rule.branch, rows(branch)));
    const sides = mode === "single" ? [branches, []] : [branches.slice(0, left), branches.slice(left)];
    const totals = sides.map((side) => side.reduce((sum, branch) => sum + height(branch) + rule.gap, side.length ? -rule.gap : 0));
    const most = Math.max(...totals);
    sides.forEach((side, n) => {
      const out = mode === "tree" && n === 0 ? -1 : 1, start = column ? (n * (width + BETWEEN)) / 2 : WIDTH / 2;
      let top = PAD + (column ? 0 : (most - totals[n]) / 2);
      for (const branch of side) {
        const high = height(branch);
        places.set(branch.id, { x: start + out * rule.xBranch, y: top + (column ? rule.branch : high) / 2, out });
        let y = top + (column ? rule.branch : (high - rows(branch)) / 2);
        for (const topic of folded.has(branch.id) ? [] : branch.topics) {
          places.set(topic.id, { x: start + out * rule.xTopic, y: y + rule.topic / 2, out });
          if (opened.has(topic.id)) topic.concepts.forEach((_, k) => places.set(`${topic.id}#${k}`, {
            x: start + out * rule.xConcept, y: y + rule.topic + rule.concept * (k + 0.5), out }));
          y += row(topic);
        }
        top += high + rule.gap;
      }
    });
    const wide = column ? width : WIDTH;
    return { places, width: wide, height: most + 2 * PAD, side: mode === "pair" ? (width - BETWEEN) / 2 : wide, rule, column };
  }

  /* The edge that leads to a branch ("" in columns) or, from its branch, to a topic. */
  function edge(at, branch, topic) {
    if (at.column) {
      if (!topic) return "";
      const x = branch.x + 12, y = topic.y;
      return `M${x} ${branch.y + 15}V${y - 8}Q${x} ${y} ${x + 3} ${y}`;
    }
    const root = { x: at.width / 2 + branch.out * RING, y: at.height / 2 };
    const from = topic ? { x: branch.x + branch.out * at.rule.box, y: branch.y } : root;
    const to = topic ? { x: topic.x - topic.out * 8, y: topic.y } : branch;
    const bend = topic ? (from.x + to.x) / 2 : from.x + branch.out * 12;
    return `M${from.x} ${from.y}C${bend} ${from.y} ${bend} ${to.y} ${to.x} ${to.y}`;
  }

  const forRole = (topic, role) => role === "all" || topic.role === "both" || topic.role === role;

  /* What to read next, and why: {topic, why, needs}; `isDone` and `isReading` take a topic. Planned topics and those of
     another role bar nothing, since they can't be read or need not be. */
  function nextFor(topics, role, isDone, isReading) {
    const mine = topics.filter((topic) => topic.ready && forRole(topic, role)), open = mine.filter((topic) => !isDone(topic));
    const needs = (topic) => mine.filter((other) => topic.needs.includes(other.id));
    const begun = open.find(isReading);
    if (begun) return { topic: begun, why: "whyReading", needs: [] };
    const free = open.find((topic) => needs(topic).every(isDone)) || open[0];
    if (!free) return { topic: null, why: "whyAll", needs: [] };
    const before = needs(free);
    return { topic: free, why: !before.length ? "whyStart" : before.every(isDone) ? "whyReady" : "whyFirst", needs: before };
  }

  /* All prerequisites of a topic, direct and indirect: a Map from id to the number of steps. */
  function closure(topics, id) {
    const byId = new Map(topics.map((topic) => [topic.id, topic])), found = new Map();
    let now = [id];
    for (let step = 1; now.length; step++) {
      now = now.flatMap((one) => byId.get(one).needs).filter((one) => byId.has(one) && one !== id && !found.has(one));
      now.forEach((one) => found.set(one, step));
    }
    return found;
  }

  const plain = (text) => text.normalize("NFKC").toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

  /* Topics whose titles, branch or concepts (in either language) hold every word: [{id, concepts: [numbers]}]. */
  function find(branches, query) {
    const words = plain(query).split(/[\s,，、]+/).filter(Boolean), hits = [];
    if (!words.length) return hits;
    for (const branch of branches) for (const topic of branch.topics) {
      const concepts = topic.concepts.map((both) => plain(both.join(" ")));
      const head = plain([...branch.title, ...topic.title, topic.id].join(" ")), all = [head, ...concepts].join(" ");
      if (!words.every((word) => all.includes(word))) continue;
      hits.push({ id: topic.id, concepts: concepts.flatMap((text, k) => (words.some((w) => text.includes(w)) ? [k] : [])) });
    }
    return hits;
  }

  return { modeFor, layout, edge, forRole, nextFor, closure, find };
});
