// Denah editor: drags places and devices, by pointer and by keys. The changes are in the form, as the server knows them.
import { View, buttons, towards } from "./panzoom.js";

const svg = document.getElementById("denah");
const form = document.getElementById("ubahan");
if (svg && form) begin();

function begin() {
  const GRID = 5, STEP = 10, LEAP = 100; // cm
  const field = document.getElementById("ubah");
  const select = document.getElementById("pilih");
  const voice = document.getElementById("suara");
  const things = new Map([...svg.querySelectorAll(".it")].map((element) => [element.dataset.i, element]));
  const origin = { x: Number(svg.dataset.west), y: Number(svg.dataset.north) };
  let changes = JSON.parse(field.value);
  let clean = true;
  let held = null; // what the keyboard holds, with where it was
  let grip = null; // what the pointer drags

  const round = (value) => Math.round(value * 100) / 100;
  const metres = ({ x, y }) => ({ x: round(origin.x + x / 100), y: round(origin.y - y / 100) });
  const paper = ({ x, y }) => ({ x: Math.round((x - origin.x) * 100), y: Math.round((origin.y - y) * 100) });
  const place = (element) => ({ x: Number(element.dataset.x), y: Number(element.dataset.y), turn: Number(element.dataset.turn || 0) });
  const at = (name) => document.getElementById(name);
  const split = (name) => { const cut = name.indexOf(":"); return [name.slice(0, cut), name.slice(cut + 1)]; };

  for (const element of things.values()) Object.assign(element.dataset, { x0: element.dataset.x, y0: element.dataset.y });
  document.body.classList.add("scripted");
  at("editor-cara").hidden = false;
  document.querySelector(".plan-tools").hidden = false;

  // --- showing ---------------------------------------------------------------------------------------------------------

  function put(element, { x, y, turn }) {
    const { x0, y0 } = element.dataset;
    Object.assign(element.dataset, { x, y });
    element.setAttribute("transform", `translate(${x - x0} ${y - y0})`);
    const rect = element.querySelector("rect");
    if (turn !== undefined && rect) {
      element.dataset.turn = turn;
      rect.setAttribute("transform", `rotate(${-turn} ${x0} ${y0})`);
    }
    if (element.dataset.i === select.value) fill(element);
  }

  function fill(element) {
    const [kind] = element ? split(element.dataset.i) : split(select.value);
    for (const name of ["space", "device"]) {
      const part = at(`isi-${name}`);
      part.hidden = part.disabled = kind !== name;
    }
    at("catat").hidden = !kind;
    if (!kind) return;
    const spot = element ? metres(place(element)) : { x: "", y: "" };
    if (kind === "space") {
      at("nama").value = element.dataset.name;
      Object.assign(at("x"), { value: spot.x });
      Object.assign(at("y"), { value: spot.y });
      Object.assign(at("putar"), { value: element.dataset.turn, readOnly: Boolean(element.dataset.fixed) });
    } else {
      const placed = element && !element.classList.contains("loose");
      at("dx").value = placed ? spot.x : "";
      at("dy").value = placed ? spot.y : "";
    }
  }

  function choose(name, scroll = false) {
    things.get(select.dataset.was)?.classList.remove("chosen");
    const before = select.dataset.was;
    select.value = name;
    select.dataset.was = name;
    const element = things.get(name);
    element?.classList.add("chosen");
    if (before !== name && split(name)[0] === "device") {
      const binding = changes.find((one) => one.op === "bind" && `device:${one.device}` === name);
      at("tempat").value = binding ? binding.place : bound[split(name)[1]] || "";
    }
    fill(element);
    if (element && scroll) view.show(element.getBBox());
  }

  // --- changes ---------------------------------------------------------------------------------------------------------

  function note(change) {
    const about = (one) => `${one.op} ${one.space || one.device}`;
    changes = [...changes.filter((one) => about(one) !== about(change)), change];
    field.value = JSON.stringify(changes);
    clean = false;
    const count = at("jumlah");
    count.textContent = count.dataset.text.replace("{n}", changes.length);
    const none = at("belum");
    if (none) none.hidden = true;
  }

  function noteMove(element) {
    const [kind, id] = split(element.dataset.i);
    const spot = metres(place(element));
    element.classList.add("turned");
    if (kind === "space") note({ op: "move", space: id, ...spot, ...(element.dataset.fixed ? {} : { rotation: Number(element.dataset.turn) }) });
    else { element.classList.remove("loose"); note({ op: "hang", device: id, ...spot }); }
    if (element.dataset.i === select.value) fill(element);
    voice.textContent = `${element.dataset.name}: ${spot.x}; ${spot.y} m`;
  }

  // Numbers that are typed move the thing at once.
  for (const name of ["x", "y", "putar", "dx", "dy"]) {
    at(name).addEventListener("change", () => {
      const element = things.get(select.value);
      const [kind] = split(select.value);
      const [x, y] = kind === "space" ? [at("x").value, at("y").value] : [at("dx").value, at("dy").value];
      if (!element || x === "" || y === "" || !form.checkValidity()) return;
      put(element, { ...paper({ x: Number(x), y: Number(y) }), ...(kind === "space" ? { turn: Number(at("putar").value || 0) } : {}) });
      noteMove(element);
    });
  }
  at("nama").addEventListener("change", () => {
    const name = at("nama").value.trim();
    if (name) { things.get(select.value).dataset.name = name; note({ op: "rename", space: split(select.value)[1], name }); }
  });
  const bound = JSON.parse(svg.dataset.bound || "{}");
  at("tempat").addEventListener("change", () => note({ op: "bind", device: split(select.value)[1], place: at("tempat").value }));
  select.addEventListener("change", () => choose(select.value, true));

  // --- pointer ---------------------------------------------------------------------------------------------------------

  const snap = (value) => Math.round(value / GRID) * GRID;
  function drag(event, phase, [x, y]) {
    if (phase === "start") {
      const element = event.target.closest(".it");
      if (!element || (event.pointerType === "touch" && element.dataset.i !== select.value)) return false;
      const start = place(element);
      grip = { element, start, dx: start.x - x, dy: start.y - y };
      return true;
    }
    if (!grip) return false;
    if (phase === "move") { grip.element.classList.add("held"); put(grip.element, { x: snap(x + grip.dx), y: snap(y + grip.dy) }); }
    if (phase === "cancel") put(grip.element, { x: grip.start.x, y: grip.start.y });
    if (phase === "end" || phase === "cancel") {
      grip.element.classList.remove("held");
      choose(grip.element.dataset.i);
      if (phase === "end") noteMove(grip.element);
      grip = null;
    }
    return true;
  }
  const view = new View(svg, { drag });
  buttons(document, view, () => [place(current).x, place(current).y]);
  svg.addEventListener("click", (event) => {
    const element = event.target.closest(".it");
    if (element) { go(element); choose(element.dataset.i); }
  });

  // --- keys ------------------------------------------------------------------------------------------------------------

  let current = things.get(select.value) || things.values().next().value;
  for (const element of things.values()) element.setAttribute("tabindex", element === current ? "0" : "-1");
  function go(element) {
    current.setAttribute("tabindex", "-1");
    current = element;
    current.setAttribute("tabindex", "0");
    current.focus({ preventScroll: true });
    view.show(current.getBBox());
  }
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    if (held) { holding(event); return; }
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(current.dataset.i);
      held = { element: current, start: place(current) };
      current.classList.add("held");
      return;
    }
    if (view.key(event) || !moves[event.key]) return;
    event.preventDefault();
    const middle = (element) => ({ ...place(element), width: 0, height: 0 });
    const others = [...things.values()].filter((element) => element !== current).map((element) => [element, middle(element)]);
    const next = towards(event.key, middle(current), others);
    if (next) go(next);
  });
  function holding(event) {
    const { element, start } = held;
    const step = moves[event.key];
    if (step) {
      const far = event.shiftKey ? LEAP : STEP;
      const { x, y } = place(element);
      put(element, { x: x + step[0] * far, y: y + step[1] * far });
    } else if (event.key.toLowerCase() === "r" && !element.dataset.fixed && element.querySelector("rect")) {
      const spot = place(element);
      put(element, { ...spot, turn: (spot.turn + 45 + 180) % 360 - 180 });
    } else if (event.key === "Enter" || event.key === " " || event.key === "Escape") {
      if (event.key === "Escape") put(element, start);
      else noteMove(element);
      element.classList.remove("held");
      held = null;
    } else {
      return;
    }
    event.preventDefault();
  }
  svg.parentElement.addEventListener("focusin", (event) => {
    const element = event.target.closest(".it");
    if (element && element !== current && !held) go(element);
  });
  svg.parentElement.addEventListener("focusout", () => { // not on the drawing: browsers let it have the focus then
    if (held) { noteMove(held.element); held.element.classList.remove("held"); held = null; }
  });

  choose(select.value);
  form.addEventListener("submit", () => { clean = true; });
  window.addEventListener("beforeunload", (event) => { if (!clean) event.preventDefault(); });
}
