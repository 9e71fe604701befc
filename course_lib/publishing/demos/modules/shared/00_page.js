// Small helpers that all demos share.

/** A text of the demo in the reader's language, with its {names} filled in. */
function say(model, name, values = {}) {
  const words = model.get("words")[model.get("language")];
  return words[name].replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}

/** A number as this language writes it. */
function number(model, value, digits = 0) {
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString(model.get("language") === "zh" ? "zh-CN" : "en-GB", format);
}

/** The first element below el that carries data-part="name". */
function part(el, name) {
  return el.querySelector(`[data-part="${name}"]`);
}

/** A new element; children that are text stay text. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}
