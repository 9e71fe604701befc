/* A box that scrolls sideways must be reachable by the keyboard, and one that doesn't must not be a stop. */
(function () {
  "use strict"
  var boxes = ".pst-scrollable-table-container, mjx-container[display=true], div.highlight pre, .cell_output .output, .cell_output pre"
  function update() {
    document.querySelectorAll(boxes).forEach(function (box) {
      var scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible"
      if (scrolls && !box.hasAttribute("tabindex")) {
        box.tabIndex = 0
        box.dataset.scrollFocus = ""
      } else if (!scrolls && "scrollFocus" in box.dataset) {
        box.removeAttribute("tabindex")
        delete box.dataset.scrollFocus
      }
    })
  }
  var waiting = 0
  function soon() {
    cancelAnimationFrame(waiting)
    waiting = requestAnimationFrame(update)
  }
  addEventListener("load", soon)
  addEventListener("resize", soon)
  document.addEventListener("toggle", soon, true) /* a folded cell that opens */
  if (document.fonts) document.fonts.ready.then(soon) /* letters of another width */
  if (window.ResizeObserver) new ResizeObserver(soon).observe(document.body) /* whatever else moves the page, late on a busy machine */
  update()
})()
