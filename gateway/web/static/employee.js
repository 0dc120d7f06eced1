// An employee's own pages: the part that changes is loaded again when their floor changes.
import { follow } from "./live.js";
import { localTimes } from "./times.js";

const SOON = 300, LATER = 4000, AGAIN = 1500;

function refreshing(box) {
  let timer = 0, due = Infinity, busy = false;
  async function load() {
    timer = 0; due = Infinity;
    if (busy || document.hidden) return plan(AGAIN);
    busy = true;
    try {
      const answer = await fetch(box.dataset.part, { headers: { accept: "text/html" } });
      if (answer.redirected || answer.status === 401) return location.reload();
      if (!answer.ok) return plan(LATER);
      const focus = box.contains(document.activeElement) ? [...box.querySelectorAll("a, button, input, select")].indexOf(document.activeElement) : -1;
      if (focus >= 0 && document.activeElement.matches("input, select, textarea")) return plan(LATER); // somebody is typing
      box.innerHTML = await answer.text();
      localTimes(box);
      if (focus >= 0) box.querySelectorAll("a, button, input, select")[focus]?.focus();
      if (box.querySelector("[data-waiting]")) plan(AGAIN);
    } catch {
      plan(LATER);
    } finally {
      busy = false;
    }
  }
  function plan(wait) {
    const at = Date.now() + wait;
    if (timer && at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(load, wait);
  }
  if (box.querySelector("[data-waiting]")) plan(AGAIN);
  setInterval(() => plan(0), 60000); // "5 minutes left" grows old by itself
  if (box.dataset.floor) {
    follow(box.dataset.floor, (places, whole) => {
      if (!whole && !places.length) return; // nothing has changed since the page was made
      const mine = new Set((box.querySelector("[data-places]")?.dataset.places || "").split(" "));
      const near = whole || places.some((one) => mine.has(one.place));
      // a busy floor does not make everybody ask at once; "*": nothing is free, so that anything may be good news
      plan(near ? SOON : mine.has("*") ? SOON + Math.random() * AGAIN : LATER + Math.random() * LATER);
    }, undefined, box.dataset.version);
  }
}

localTimes();
const box = document.querySelector("[data-part]");
if (box) refreshing(box);
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
