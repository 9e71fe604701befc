/* While a page is printed, everything that can be opened is open; afterwards it is as it was. The style sheet does the
   same in browsers that can style the content of <details>; this is for the others. */
(function () {
  "use strict";
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(":is(main, [role=main]) details:not([open])")];
    for (const one of opened) one.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    opened = [];
  });
})();
