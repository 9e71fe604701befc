/* Reading tracks: in the business track the folds that the build made around code and formulas are closed. */
(function () {
  "use strict";

  const KEY = "course:track";
  const TRACKS = ["developer", "business"];

  /* The track of a page: what its address says, else what was chosen before, else everything. */
  function chosen(search, stored) {
    const asked = new URLSearchParams(search).get("track");
    return [asked, stored].find((one) => TRACKS.includes(one)) || "developer";
  }

  /* The address with the track in it, where it had one; an address without stays as it is. */
  function address(search, track) {
    const query = new URLSearchParams(search);
    if (!query.has("track")) return search;
    query.set("track", track);
    return `?${query}`;
  }

  if (typeof module !== "undefined") {
    module.exports = { chosen, address };
    return;
  }

  const root = document.documentElement;
  function stored() { try { return localStorage.getItem(KEY); } catch (error) { return null; } }
  function store(track) { try { localStorage.setItem(KEY, track); } catch (error) { /* the page still switches */ } }

  let track = chosen(location.search, stored());
  if (new URLSearchParams(location.search).has("track")) store(track);
  root.dataset.track = track; // before the first line is drawn: the style hides what will be folded

  function apply(folds) {
    root.dataset.track = track;
    for (const fold of folds) fold.open = track !== "business";
    root.dataset.trackDone = "";
    reveal();
  }

  /* A link to a formula opens the fold that holds it. */
  function reveal() {
    let target = null;
    try { target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch (error) { return; }
    let moved = false;
    for (let node = target; node; node = node.parentElement) {
      if (node.matches("details.track-fold:not([open])")) node.open = moved = true;
    }
    if (moved) target.scrollIntoView();
  }

  function start() {
    const folds = document.querySelectorAll("details.track-fold");
    const field = document.querySelector(".track-switch");
    if (!field) return;
    const radios = [...field.querySelectorAll("input")];
    const said = field.querySelector(".track-said");
    const show = () => { for (const radio of radios) radio.checked = radio.value === track; };
    field.hidden = false;
    show();
    apply(folds);
    field.addEventListener("change", (event) => {
      track = event.target.value;
      store(track);
      try { history.replaceState(null, "", address(location.search, track) + location.hash); } catch (error) { /* file:// */ }
      apply(folds);
      said.textContent = track === "business" ? field.dataset.folded : field.dataset.all;
    });
    window.addEventListener("hashchange", reveal);
    window.addEventListener("storage", (event) => {
      if (event.key !== KEY || !TRACKS.includes(event.newValue)) return;
      track = event.newValue;
      show();
      apply(folds);
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
