/* Zoom and pan of an SVG: Ctrl + wheel, two fingers, dragging where it is enlarged, and buttons. */
(function (root) {
  "use strict";
  root.courseMapZoom = function (svg, view, least = 0.5, most = 4) {
    let k = 1, x = 0, y = 0, drag = null;
    const pointers = new Map();
    const box = () => svg.viewBox.baseVal;

    function draw() {
      const limit = (at, size) => Math.min(Math.max(at, Math.min(0, size - size * k)), Math.max(0, size - size * k));
      x = limit(x, box().width);
      y = limit(y, box().height);
      view.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
      svg.classList.toggle("mm-enlarged", k > 1); // the style hands touches to the page where it is not
    }
    /* A point of the screen in the picture's units. */
    function point(event) {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return { x: at.x, y: at.y };
    }
    function zoom(factor, at) {
      const next = Math.min(Math.max(k * factor, least), most), c = at || { x: box().width / 2, y: box().height / 2 };
      x = c.x - ((c.x - x) * next) / k;
      y = c.y - ((c.y - y) * next) / k;
      k = next;
      draw();
    }
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 300), point(event));
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, point(event));
      drag = { moved: pointers.size > 1 };
    });
    svg.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      const now = point(event), other = [...pointers].find(([id]) => id !== event.pointerId);
      if (other) {
        const far = (a) => Math.hypot(a.x - other[1].x, a.y - other[1].y);
        if (far(last) > 0) zoom(far(now) / far(last), other[1]);
      } else if (k > 1) {
        if (!drag.moved && Math.hypot(now.x - last.x, now.y - last.y) * k < 5) return;
        if (!drag.moved) svg.setPointerCapture(event.pointerId);
        drag.moved = true;
        x += now.x - last.x;
        y += now.y - last.y;
        draw();
      }
      pointers.set(event.pointerId, now);
    });
    svg.addEventListener("dragstart", (event) => event.preventDefault()); // a link is no thing to carry away
    for (const end of ["pointerup", "pointercancel", "pointerleave"])
      svg.addEventListener(end, (event) => pointers.delete(event.pointerId));
    svg.addEventListener("click", (event) => { // the end of a drag is no click
      if (drag && drag.moved) { event.preventDefault(); event.stopPropagation(); }
      drag = null;
    }, true);
    return {
      by: (factor) => zoom(factor),
      fit() { k = 1; draw(); },
      keep: draw, // after the picture changed its size
      /* Bring a place of the picture into the frame. */
      reveal(place) {
        const into = (at, shift, size) => (at * k + shift < 30 || at * k + shift > size - 30 ? size / 2 - at * k : shift);
        if (k > 1) { x = into(place.x, x, box().width); y = into(place.y, y, box().height); }
        draw();
      },
    };
  };
})(this);
