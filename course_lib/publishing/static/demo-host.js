/* The page's host for demos: the part of anywidget's model that they use, with the state in the page's address.
   A demo is { render({ model, el }) } in window.courseDemos; its element holds the first frame and the state. */
(function () {
  "use strict";

  // ---- the address: "?query-q=red+shoes" beside whatever else stands there; values keep the type of the first ones

  function readAddress(search, name, state) {
    const asked = new URLSearchParams(search);
    const found = {};
    for (const key of state.url || []) {
      const text = (asked.get(`${name}-${key}`) || "").slice(0, 200);
      if (!text) continue;
      if (typeof state[key] !== "number") found[key] = text;
      else if (text.trim() !== "" && Number.isFinite(Number(text))) found[key] = Number(text);
    }
    return found;
  }

  function writeAddress(search, name, state, first) {
    const now = new URLSearchParams(search);
    for (const key of state.url || []) {
      if (state[key] === first[key]) now.delete(`${name}-${key}`);
      else now.set(`${name}-${key}`, String(state[key]));
    }
    const text = now.toString();
    return text ? `?${text}` : "";
  }

  // ---- the model

  function makeModel(state, load, save) {
    const values = { ...state };
    const listeners = {};
    return {
      get: (key) => (key in values ? values[key] : null),
      set(key, value) {
        if (values[key] === value) return;
        values[key] = value;
        for (const listener of listeners[`change:${key}`] || []) listener();
      },
      on(event, listener) { (listeners[event] = listeners[event] || []).push(listener); },
      off(event, listener) { listeners[event] = (listeners[event] || []).filter((one) => one !== listener); },
      save_changes() { save(values); },
      load,
    };
  }

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new DataView(bytes.buffer);
  }

  if (typeof module !== "undefined") {
    module.exports = { readAddress, writeAddress, makeModel, bytesOf };
    return;
  }

  // ---- the page

  const payloads = (window.coursePayloads = window.coursePayloads || {});

  function loader(el) {
    const url = el.dataset.payload;
    if (!url) return () => Promise.resolve(null);
    const key = url.replace(/^(\.\.\/)+/, "");
    let asked = null;
    return () => {
      asked = asked || new Promise((done, failed) => {
        if (payloads[key]) { done(bytesOf(payloads[key])); return; }
        const script = document.createElement("script");
        script.src = url;
        script.onload = () => (payloads[key] ? done(bytesOf(payloads[key])) : failed(new Error("no data in the file")));
        script.onerror = () => { asked = null; script.remove(); failed(new Error("the file did not load")); };
        document.head.append(script);
      });
      return asked;
    };
  }

  function start(el) {
    const name = el.dataset.demo;
    const demo = (window.courseDemos || {})[name];
    const kept = el.querySelector(":scope > .course-demo-state");
    if (!demo || !kept) return;
    const first = JSON.parse(kept.textContent);
    const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
    const model = makeModel(
      { ...first, ...readAddress(location.search, name, first), language, payload: null, size: Number(el.dataset.size || 0) },
      loader(el),
      (values) => {
        try {
          const search = writeAddress(location.search, name, values, first);
          history.replaceState(null, "", location.pathname + search + (el.id ? `#${el.id}` : location.hash));
        } catch (error) { /* a page in a frame may not: the demo works all the same */ }
      },
    );
    demo.render({ model, el });
  }

  document.querySelectorAll(".course-demo[data-demo]").forEach(start);
  for (const link of document.querySelectorAll(".language-switch a")) { // the twin shows the same
    link.addEventListener("click", () => { link.search = location.search; link.hash = location.hash; });
  }
})();
