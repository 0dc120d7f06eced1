// A pairing window: counts down, and asks what was tapped or heard. When something is found the page stays as it is.
import { localTimes } from "./times.js";

const part = document.querySelector("[data-pairing]");
let end = 0, timer = 0;

function read() {
  const left = part.querySelector("[data-left]");
  end = left ? performance.now() + 1000 * Number(left.dataset.left) : 0;
}

function tick() {
  const shown = part.querySelector("[data-count]");
  if (shown && end) shown.textContent = String(Math.max(0, Math.ceil((end - performance.now()) / 1000)));
}

async function ask() {
  if (part.querySelector("[data-done]")) { clearInterval(timer); return; }
  try {
    const answer = await fetch(part.dataset.pairing, { cache: "no-store" });
    if (answer.redirected || !answer.ok) return;
    const text = await answer.text();
    if (!part.contains(document.activeElement) || document.activeElement === document.body) {
      part.innerHTML = text;
      localTimes(part);
      read();
      part.querySelector("[data-done] input[name=nama]")?.focus();
    }
  } catch { /* the next try says more */ }
  if (!end || performance.now() > end + 3000) { clearInterval(timer); }
}

localTimes();
if (part) {
  read();
  timer = setInterval(ask, 1500);
  setInterval(tick, 250);
}
