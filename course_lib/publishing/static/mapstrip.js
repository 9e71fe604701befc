/* The strip of a chapter: opening it marks it as being read, its button as done. */
(function () {
  "use strict";
  const strip = document.querySelector(".course-strip");
  if (!strip || !window.courseProgress) return;
  const { topic, aliases, mark, done, unmark, failed } = strip.dataset;
  const store = window.courseProgress.open(Object.fromEntries(aliases.split(" ").filter(Boolean).map((old) => [old, topic])));
  const button = strip.querySelector(".course-strip-state");

  function show() {
    const is = store.state(topic) === "done";
    strip.dataset.state = store.state(topic);
    button.textContent = store.trouble ? failed : is ? "✓ " + done : mark;
    button.title = is ? unmark : "";
    button.setAttribute("aria-pressed", String(is));
    button.disabled = store.trouble === "newer";
    button.hidden = false;
  }
  if (!store.state(topic)) store.setState(topic, "reading");
  button.addEventListener("click", () => {
    store.setState(topic, store.state(topic) === "done" ? "reading" : "done");
    show();
  });
  window.addEventListener("storage", (event) => { if (event.key === window.courseProgress.KEY) show(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) show(); });
  show();
})();
