/* The course's part of JupyterLab, loaded as a prebuilt extension: citations as author and year, and the page of the
   course as it is now whenever its tab comes to the front. %SETTINGS% is filled in by lab_sources.py. */
(function () {
  "use strict";
  const { page, sources } = %SETTINGS%;
  const MISSING = 'span[title="Citation Not Found"]';

  /* jupyterlab-myst knows no bibliography: it marks every citation as an error, with the key as its text. Only that text
     is changed, so that React finds its elements where it left them. */
  function cite(mark) {
    const text = mark.lastChild, source = text && text.nodeType === Node.TEXT_NODE && sources[text.nodeValue];
    if (!source) return;
    text.nodeValue = source.label;
    mark.title = source.title;
    mark.classList.add("course-cite");
  }

  const style = ".course-cite{color:inherit!important}.course-cite>svg{display:none!important}";

  function watch() {
    document.head.appendChild(document.createElement("style")).textContent = style;
    const all = (root) => root.querySelectorAll(MISSING).forEach(cite);
    all(document);
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) {
        if (node.matches(MISSING)) cite(node); else all(node);
      }
    }).observe(document.body, { childList: true, subtree: true });
  }

  function activate(app) {
    watch();
    app.shell.currentChanged.connect((shell, { newValue }) => {
      const context = newValue && newValue.context;
      if (context && context.path === page && context.isReady && !context.model.dirty) context.revert();
    });
    app.commands.addCommand("course:open", {
      label: "Course: the map",
      execute: () => app.commands.execute("docmanager:open", { path: page, factory: "Markdown Preview" }),
    });
  }

  const plugin = { id: "course-lab:plugin", autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["course-lab"] = { init: async () => {}, get: async () => () => ({ __esModule: true, default: plugin }) };
})();
