// Runs Sphinx's own search, as built, without a browser: node search_harness.js SITE MAP < queries.json > results.json
// Each query gives the results that its page would show, best first: [[docname, title, anchor], …].
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [site, map, stock] = process.argv.slice(2); // the folder, the map's page, and --stock: without our ranking
const nothing = () => ({ querySelectorAll: () => [], appendChild: nothing, lastChild: null });
const world = {
  console, URLSearchParams,
  DOCUMENTATION_OPTIONS: {}, SPHINX_HIGHLIGHT_ENABLED: true,
  localStorage: { setItem() { throw new Error("refused"); } }, // as some browsers do for file://
  location: { protocol: "file:", search: "" },
  document: { ...nothing(), currentScript: { dataset: { map } }, getElementById: nothing, readyState: "complete" },
  _ready: () => {}, _: (text) => text,
};
world.window = world;
vm.createContext(world);
const scripts = ["searchtools.js", "language_data.js", "../searchindex.js", "search_counts.js", "search_rank.js"];
for (const name of scripts.map((script) => `_static/${script}`)) {
  if (name.endsWith("search_rank.js") && stock) continue;
  vm.runInContext(fs.readFileSync(path.join(site, name), "utf8"), world, { filename: name });
}
if (stock) world.localStorage.setItem = () => {};
world.queries = JSON.parse(fs.readFileSync(0, "utf8"));
const found = vm.runInContext(
  `JSON.stringify(queries.map((query) =>
     Search._performSearch(...Search._parseQuery(query)).reverse().map((one) => one.slice(0, 3))))`, world);
process.stdout.write(found);
