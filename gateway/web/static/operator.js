// A part of a page that asks for itself again, with the ETag of what it has; what has not changed costs nothing.
// Somebody who has their finger in it is not disturbed: they are told that there is something new.
import { localTimes } from "./times.js";

const part = document.querySelector("[data-poll]");
const news = document.querySelector("[data-news]");
const offline = document.getElementById("offline");
let etag = "", waiting = "";

function put(text) {
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  part.innerHTML = text;
  localTimes(part);
  part.querySelectorAll("details").forEach((one, i) => { one.open = one.open || Boolean(open[i]); });
  waiting = "";
  if (news) news.hidden = true;
}

const said = (node) => node.textContent.replace(/\s+/g, " ").trim();

// What a browser makes of the page's first form differs from what was sent in everything but its words.
function isNew(text) {
  const made = document.createElement("template");
  made.innerHTML = text;
  return said(made.content) !== said(part);
}

async function ask() {
  try {
    const answer = await fetch(part.dataset.poll, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
    if (answer.status === 401 || answer.redirected) { location.reload(); return; }
    if (offline) offline.hidden = answer.ok || answer.status === 304;
    if (answer.ok) {
      etag = answer.headers.get("ETag") || "";
      const text = await answer.text();
      if (!isNew(text)) return;
      if (part.contains(document.activeElement) && news) { waiting = text; news.hidden = false; } else put(text);
    }
  } catch {
    if (offline) offline.hidden = false;
  }
}

localTimes();
if (part) {
  setInterval(() => { if (!document.hidden) ask(); }, 1000 * Number(part.dataset.every));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  part.addEventListener("focusout", (event) => { if (waiting && !part.contains(event.relatedTarget)) put(waiting); });
  news?.querySelector("button")?.addEventListener("click", () => { if (waiting) put(waiting); });
}
