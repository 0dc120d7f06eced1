// Denah: keeps plan or list as the office is, filters without a reload, and shows a sheet for the chosen place.
import { follow } from "./live.js";
import { localTimes } from "./times.js";
import { View, buttons, towards } from "./panzoom.js";

const data = JSON.parse(document.getElementById("denah-data").textContent);
const svg = document.getElementById("denah");
const box = document.getElementById("denah-kotak");
const form = document.getElementById("saring");
const sheet = document.getElementById("tempat");
const sheetBody = document.getElementById("lembar");
const places = new Map(); // zone/space -> what stands for it
for (const element of document.querySelectorAll("[data-p]")) places.set(element.dataset.p, element);
localTimes();
const atHand = document.getElementById("denah-ini"); // a small drawing has no room for words: this has
let current = null; // the place that has the focus, or would get it
let chosen = new URLSearchParams(location.search).get("tempat") || "";

// --- state -----------------------------------------------------------------------------------------------------------

// The same keys as gateway/web/reasons.py.
function reason({ status, life, state, cause }) {
  if (status === "taken") return life === "taken" || life === "away" ? (state === "unknown" ? `held.${cause}` : life) : "sensed";
  return status === "unknown" ? `unknown.${cause}` : status;
}

function show(now) {
  const short = now.place.slice(data.site.length + 1);
  const element = places.get(short);
  if (!element) return;
  const changed = element.dataset.s !== now.status;
  const why = data.why[reason(now)] || data.words[now.status];
  element.dataset.s = now.status;
  if (svg) {
    element.querySelector("use").setAttribute("href", `#s-${now.status}`);
    label(element);
    const word = element.querySelector(".word");
    if (word) word.textContent = data.words[now.status];
  } else {
    wear(element.querySelector(".status"), now.status);
    element.querySelector(".why").textContent = why;
  }
  if (changed) pulse(element);
  if (changed && element.classList.contains("mine")) askMine();
  if (short === chosen) open(short, false);
}

function wear(badge, status) {
  badge.className = `status status-${status}`;
  badge.querySelector("use").setAttribute("href", `/static/shapes.svg#${status}`);
  badge.lastChild.textContent = data.words[status];
}

function label(element) {
  const name = element.dataset.name ||= element.getAttribute("aria-label").replace(/: [^:]*$/, "");
  const whose = element.classList.contains("mine") && data.mine ? data.mine.replace("{place}", name) : name;
  element.setAttribute("aria-label", `${whose}: ${data.words[element.dataset.s]}`);
  if (element !== current) return;
  atHand.querySelector("strong").textContent = whose;
  wear(atHand.querySelector(".status"), element.dataset.s);
}

// Changes name no person: whose desk is mine is asked for, when mine has changed or when this page is seen again.
async function askMine() {
  if (!svg || !data.mine) return;
  let place;
  try { ({ place } = await (await fetch("/denah/saya")).json()); } catch { return; }
  for (const [short, element] of places) {
    const own = `${data.site}/${short}` === place;
    if (own === element.classList.contains("mine")) continue;
    element.classList.toggle("mine", own);
    if (own) star(element); else element.querySelector(".star")?.remove();
    label(element);
  }
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) askMine(); });
addEventListener("pageshow", (event) => { if (event.persisted) askMine(); });

function star(element) {
  const { x, y } = element.getBBox();
  const text = document.createElementNS(svg.namespaceURI, "text");
  for (const [name, value] of Object.entries({ class: "star", x: x + 24, y: y + 36, "font-size": 36 })) text.setAttribute(name, value);
  text.textContent = "★";
  element.append(text);
}

function pulse(element) {
  element.classList.remove("changed");
  requestAnimationFrame(() => element.classList.add("changed"));
}

follow(
  data.floor,
  (told) => { told.forEach(show); sift(); },
  (connected) => document.body.classList.toggle("stale", !connected),
  data.version,
);

// --- filter ----------------------------------------------------------------------------------------------------------

let due = 0;
function sift() {
  cancelAnimationFrame(due);
  due = requestAnimationFrame(() => {
    const wanted = new FormData(form);
    const [kind, zone, status] = ["jenis", "zona", "status"].map((name) => wanted.get(name));
    const counts = {};
    let fits = 0;
    for (const [short, element] of places) {
      const { k, s } = element.dataset;
      counts[s] = (counts[s] || 0) + 1;
      const fit = (!kind || k === kind) && (!zone || short.split("/")[0] === zone) && (!status || s === status);
      fits += fit;
      if (svg) element.classList.toggle("dim", !fit); else element.hidden = !fit;
    }
    for (const element of document.querySelectorAll("[data-count]")) {
      element.textContent = counts[element.dataset.count] || 0;
      if (element.dataset.count === "closed") element.parentElement.hidden = !counts.closed;
    }
    const line = document.querySelector("#cocok span");
    const text = line.parentElement.dataset.text.replace("{n}", fits).replace("{of}", places.size);
    if (line.textContent !== text) line.textContent = text;
    const none = document.getElementById("tak-cocok");
    if (none) none.hidden = fits > 0;
    for (const part of document.querySelectorAll(".zone-list")) part.hidden = !part.querySelector("tr[data-p]:not([hidden])");
  });
}

function remember() {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const other = new URLSearchParams(query);
  if (svg) other.set("tampil", "daftar"); else other.delete("tampil");
  document.getElementById("ganti").href = `${location.pathname}?${other}`;
  if (chosen) query.set("tempat", chosen);
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
}

form.classList.add("instant");
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => { sift(); remember(); });

// --- the sheet -------------------------------------------------------------------------------------------------------

async function open(short, focus = true) {
  const before = chosen;
  chosen = short;
  places.get(before)?.classList.remove("chosen");
  places.get(short)?.classList.add("chosen");
  remember();
  try {
    const answer = await fetch(`/denah/${data.floor}/tempat/${short}`, { headers: { accept: "text/html" } });
    if (short !== chosen) return;
    if (answer.redirected || !answer.ok) { location.reload(); return; }
    sheetBody.innerHTML = await answer.text(); // our own page's part, escaped by its template
    localTimes(sheetBody);
  } catch { return; } // the banner says that the connection is lost
  sheet.hidden = false;
  if (!focus) return;
  sheet.focus({ preventScroll: Boolean(svg) });
  sheet.classList.toggle("left", Boolean(svg) && !covers(short, sheet, true) && covers(short, sheet));
  const covered = svg && getComputedStyle(sheet).position === "fixed"
    ? places.get(short).getBoundingClientRect().bottom - sheet.getBoundingClientRect().top + 16 : 0;
  if (covered > 0) window.scrollBy(0, covered);
}

// Whether the sheet would hide the chosen place, where it is or (`left`) on the other side.
function covers(short, panel, left = false) {
  panel.classList.toggle("left", left);
  const [a, b] = [places.get(short).getBoundingClientRect(), panel.getBoundingClientRect()];
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function close() {
  const element = places.get(chosen);
  sheet.hidden = true;
  chosen = "";
  element?.classList.remove("chosen");
  remember();
  (svg ? element : element?.querySelector("a"))?.focus({ preventScroll: true });
}

document.getElementById("lembar-tutup")?.addEventListener("click", (event) => { event.preventDefault(); close(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !sheet.hidden) close(); });
if (!svg) {
  for (const [short, row] of places) {
    row.querySelector("a").addEventListener("click", (event) => { event.preventDefault(); open(short); });
  }
}

// --- the drawing -----------------------------------------------------------------------------------------------------

if (svg) {
  const NEAR = 24; // pixels: a finger that just misses a small desk means it
  const WORDS = 0.72; // pixels a cm, from which a desk has room for its state's word
  const words = ({ density }) => {
    if (density < WORDS || svg.classList.contains("near")) { svg.classList.toggle("near", density >= WORDS); return; }
    svg.classList.add("near");
    for (const element of places.values()) {
      if (element.querySelector(".word")) continue;
      const { x, y, width, height } = element.getBBox();
      const text = document.createElementNS(svg.namespaceURI, "text");
      const word = data.words[element.dataset.s];
      text.setAttribute("class", "word");
      text.setAttribute("x", x + width / 2);
      text.setAttribute("y", y + height - 8);
      text.setAttribute("font-size", Math.min(16, (width - 12) / (0.56 * Math.max(word.length, 10))));
      text.textContent = word;
      element.append(text);
    }
  };
  const view = new View(svg, { changed: words });
  const anchors = [...places.values()];
  const boxes = () => anchors.map((element) => [element, element.getBBox()]);
  document.getElementById("denah-cara").hidden = false;
  box.querySelector(".plan-tools").hidden = false;
  buttons(box, view, () => {
    const { x, y, width, height } = current.getBBox();
    return [x + width / 2, y + height / 2];
  });

  // One place is in the order of the Tab key; arrows go to its neighbours.
  current = svg.querySelector(".mine") || places.get(chosen) || anchors[0];
  label(current);
  atHand.hidden = false;
  for (const element of anchors) element.setAttribute("tabindex", element === current ? "0" : "-1");
  const go = (element) => {
    current.setAttribute("tabindex", "-1");
    current = element;
    label(current);
    current.setAttribute("tabindex", "0");
    current.focus({ preventScroll: true });
    view.show(current.getBBox());
  };
  svg.addEventListener("keydown", (event) => {
    if (view.key(event) || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const next = towards(event.key, current.getBBox(), boxes().filter(([element]) => element !== current));
    if (next) go(next);
  });
  box.addEventListener("focusin", (event) => { // not on the drawing: browsers let it have the focus then
    const element = event.target.closest(".sp");
    if (element && element !== current) go(element);
  });
  svg.addEventListener("click", (event) => {
    let element = event.target.closest(".sp");
    if (!element) {
      const [x, y] = view.at(event.clientX, event.clientY);
      let least = NEAR / view.density;
      for (const [one, area] of boxes()) {
        const far = Math.hypot(Math.max(area.x - x, 0, x - area.x - area.width), Math.max(area.y - y, 0, y - area.y - area.height));
        if (far < least) [element, least] = [one, far];
      }
    }
    event.preventDefault();
    if (element) { go(element); open(element.dataset.p); } else if (!sheet.hidden) close();
  });
  if (chosen) places.get(chosen)?.classList.add("chosen");
}
