// Typesets formulas for the book's build: one JSON question {tex, display} per line in, one answer {html} or {error} out.
// Arguments: the folder of MathJax 3, and its tex.macros as JSON.
"use strict"
const path = require("path")
const readline = require("readline")
const [folder, macros] = process.argv.slice(2)
const warn = console.warn
console.warn = console.log = (...words) => /No version information/.test(words.join(" ")) || warn(...words)

async function main() {
  const MathJax = await require(path.join(folder, "node-main.js")).init({
    loader: { load: ["input/tex", "output/svg", "adaptors/liteDOM", "a11y/assistive-mml"] },
    // without these two, an unknown command or a syntax error is an error of the book, not red text on the page
    tex: { packages: { "[-]": ["noundefined", "noerrors"] }, macros: JSON.parse(macros) },
    svg: { fontCache: "none" }, // outlines are shared per page afterwards
    startup: { typeset: false },
  })
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { tex, display } = JSON.parse(line)
    let answer
    try {
      const node = await MathJax.tex2svgPromise(tex, { display })
      const html = MathJax.startup.adaptor.outerHTML(node)
      const fault = html.match(/data-mjx-error="([^"]*)"/)
      answer = fault ? { error: fault[1] } : { html: html.replace(/ data-mml-node="[^"]*"/g, (name) => /table|error/.test(name) ? name : "") }
    } catch (error) {
      answer = { error: String(error.message || error) }
    }
    process.stdout.write(JSON.stringify(answer) + "\n")
  }
}
main()
