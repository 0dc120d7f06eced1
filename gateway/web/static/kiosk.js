// A kiosk's screens without leaving the page: forms are sent by fetch, the answer replaces #layar, and nothing is added
// to the browser's history. Without a touch the screen is neutral again: what it shows is gone at once, whatever the
// network does, and the page by location.replace, so that not even a variable is left of whoever stood here.
import { follow } from "./live.js";

const START = "/kiosk";
const PAUSE_MS = 120; // between two keys of a reader that types; people are slower
const SHORTEST = 6;
const GUESTS = 6; // digits of a guest's number, which no reader types
const COUNT_S = 8;
const WAIT_MS = 13000; // for an answer: two gateways that are silent take 12 s, and the screen goes after 15
const AGAIN_MS = 4000;

let screen = document.getElementById("layar");
let began = performance.now();
let touched = began;
let busy = false;
let over = false; // this page only waits to be replaced
let stop = () => {};

const body = () => document.body;
const visit = () => screen.dataset.visit || "";
const isNeutral = () => Number(screen.dataset.idle) === 0;

function neutral() {
  if (over) return;
  over = true;
  if (visit()) {
    const word = new URLSearchParams({ csrf: body().dataset.csrf, kunjungan: visit() });
    fetch("/kiosk/selesai", { method: "POST", body: word, keepalive: true, redirect: "manual" }).catch(() => {});
  }
  stop();
  typed = "";
  const empty = document.getElementById("kosong").content.firstElementChild;
  screen.replaceWith(empty);
  screen = empty;
  leave();
}

// A page that is replaced while the network hangs stays as it is, and then becomes an error of the browser's own.
async function leave() {
  try {
    const answer = await fetch(START, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(WAIT_MS) });
    if (answer.status < 500) return location.replace(START);
  } catch { /* it is asked again */ }
  setTimeout(leave, AGAIN_MS);
}

async function show(address, fields = null) {
  if (busy || over) return;
  busy = true;
  body().classList.add("busy");
  try {
    const how = fields ? { method: "POST", body: fields } : {};
    const signal = AbortSignal.timeout(WAIT_MS);
    const answer = await fetch(address, { ...how, headers: { accept: "text/html" }, cache: "no-store", signal });
    const read = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (over) return;
    const next = read.getElementById("layar");
    if (!next) { // signed out, or an error: the start says which
      if (answer.status === 401 || (answer.redirected && new URL(answer.url).pathname !== START)) neutral();
      else throw new Error(String(answer.status));
      return;
    }
    document.documentElement.lang = read.documentElement.lang;
    document.title = read.title;
    screen.replaceWith(document.adoptNode(next));
    screen = next;
    entered();
  } catch {
    const failed = document.getElementById("gagal");
    if (failed) failed.hidden = false;
  } finally {
    busy = false;
    body().classList.remove("busy");
  }
}

function submit(form, button) {
  const fields = new URLSearchParams(new FormData(form));
  if (button && button.name) fields.set(button.name, button.value);
  const address = form.getAttribute("action");
  return form.method === "get" ? show(`${address}?${fields}`) : show(address, fields);
}

function card(number) {
  const fields = new URLSearchParams({
    csrf: body().dataset.csrf, kartu: number, bahasa: screen.dataset.bahasa, kunjungan: visit(),
  });
  return show("/kiosk/kartu", fields);
}

function paint(places) {
  const words = JSON.parse(document.getElementById("kata").textContent);
  const site = screen.dataset.site;
  for (const told of places) {
    const drawn = screen.querySelector(`.sp[data-p="${CSS.escape(told.place.slice(site.length + 1))}"]`);
    if (drawn) {
      drawn.dataset.s = told.status;
      drawn.querySelector("use").setAttribute("href", `#s-${told.status}`);
    }
    const tile = screen.querySelector(`[data-place="${CSS.escape(told.place)}"]`);
    if (!tile) continue;
    tile.className = `tile tile-${told.status}`;
    const status = tile.querySelector(".tile-status");
    status.className = `tile-status status status-${told.status}`;
    status.querySelector("use").setAttribute("href", `/static/shapes.svg#${told.status}`);
    if (tile.dataset.foreign === undefined) {
      status.querySelector(".tile-word").textContent = words[told.status] || told.status;
      if (tile.tagName === "BUTTON") tile.disabled = told.status === "taken" || told.status === "closed";
    }
  }
  for (const zone of screen.querySelectorAll(".zone-block")) {
    const free = zone.querySelectorAll(".tile-free:not([data-foreign])").length;
    zone.querySelector("[data-free]").textContent = String(free);
  }
  for (const zone of screen.querySelectorAll("[data-zone]")) {
    const name = zone.dataset.zone.split("/")[3];
    const free = screen.querySelectorAll(`.sp[data-k=desk][data-s=free][data-p^="${CSS.escape(name)}/"]`).length;
    zone.querySelector("[data-free]").textContent = String(free);
  }
}

function entered() {
  began = touched = performance.now();
  stop();
  stop = () => {};
  for (const link of screen.querySelectorAll("[data-plan] a")) link.tabIndex = -1; // the list is the same, for keys
  if (screen.querySelector("[data-place], [data-plan]")) stop = follow(screen.dataset.floor, paint);
  const title = screen.querySelector("h1");
  if (title && screen.dataset.step !== "awal") title.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function look() {
  const box = document.getElementById("hitung");
  const idle = Number(screen.dataset.idle);
  const limit = Number(screen.dataset.limit);
  if (!idle || !box) return;
  const now = performance.now();
  let left = idle - (now - touched) / 1000;
  if (limit) left = Math.min(left, limit - (now - began) / 1000);
  if (left <= 0) { // whatever is asked for
    neutral();
    return;
  }
  box.hidden = left > COUNT_S;
  if (!box.hidden) box.textContent = box.dataset.text.replace("{n}", String(Math.max(1, Math.ceil(left))));
}

function touch() {
  if (!busy) touched = performance.now(); // else whoever comes next would keep on the screen who stood here
}

// --- the plan -------------------------------------------------------------------------------------------------------

const NEAR = 32; // pixels: a thumb that just misses a small desk means it

function pointed(event) {
  if (!event.target.closest("[data-plan] svg")) return;
  event.preventDefault();
  let [best, least] = [null, NEAR];
  for (const desk of screen.querySelectorAll(".sp[data-k=desk]")) {
    const box = desk.getBoundingClientRect();
    const [x, y] = [event.clientX, event.clientY];
    const far = Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
    if (far < least) [best, least] = [desk, far];
  }
  const form = document.getElementById("meja-form");
  if (form && best) {
    const fields = new URLSearchParams(new FormData(form));
    fields.set("tempat", `${screen.dataset.site}/${best.dataset.p}`);
    show(form.getAttribute("action"), fields);
  } else if (screen.dataset.step === "awal") { // first the card
    const title = screen.querySelector("h1");
    title.classList.remove("nudge");
    requestAnimationFrame(() => title.classList.add("nudge"));
  }
}

// --- a reader that types -------------------------------------------------------------------------------------------

let typed = "";
let last = 0;

function key(event) {
  touch();
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.timeStamp - last > PAUSE_MS) typed = ""; // when it was pressed: a busy screen hears it later
  last = event.timeStamp;
  if (event.key === "Enter") {
    const number = typed;
    typed = "";
    const field = event.target;
    if (number.length < SHORTEST || (field.id === "nomor" && number.replaceAll(" ", "").length === GUESTS)) return;
    event.preventDefault();
    if (field instanceof HTMLInputElement && field.value.endsWith(number)) field.value = field.value.slice(0, -number.length);
    card(number);
  } else if (event.key.length === 1 && /[0-9A-Fa-f,:\- ]/.test(event.key)) {
    typed += event.key;
  } else if (event.key.length === 1) {
    typed = "";
  }
}

document.addEventListener("keydown", key, true);
document.addEventListener("click", pointed);
for (const name of ["pointerdown", "input", "wheel"]) {
  document.addEventListener(name, touch, true);
}
document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.dataset.over !== undefined) neutral();
  else submit(event.target, event.submitter);
});
addEventListener("pageshow", (event) => { if (event.persisted) location.replace(START); });
addEventListener("contextmenu", (event) => event.preventDefault());
if (location.search || (location.pathname !== START && !isNeutral())) history.replaceState(null, "", START);
entered();
setInterval(look, 250);
body().dataset.ready = ""; // from now on a tap is heard
