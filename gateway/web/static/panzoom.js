// Pan and zoom of an SVG by its viewBox: touch, mouse, wheel, keyboard, buttons. It draws nothing itself.
const MOST = 14, STEP = 1.5, SLACK = 6;

export class View {
  // `svg`: its viewBox is the whole. `drag(event, phase, point)` may take a pointer: true at "start" keeps it from panning.
  constructor(svg, { drag = () => false, changed = () => {} } = {}) {
    this.svg = svg;
    this.drag = drag;
    this.changed = changed;
    const { x, y, width, height } = svg.viewBox.baseVal;
    this.whole = { x, y, width, height };
    this.scale = 1;
    this.middle = [x + width / 2, y + height / 2];
    this.pointers = new Map();
    this.moved = false;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, (event) => this.up(event));
    svg.addEventListener("click", (event) => { if (this.moved) { event.preventDefault(); event.stopImmediatePropagation(); } }, true);
    svg.addEventListener("dragstart", (event) => event.preventDefault());
    svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.apply();
  }

  // Where a point of the screen is on the drawing.
  at(x, y) {
    const matrix = this.svg.getScreenCTM();
    const point = new DOMPoint(x, y).matrixTransform(matrix.inverse());
    return [point.x, point.y];
  }

  // How many pixels of the screen a unit of the drawing has.
  get density() { return this.svg.getScreenCTM().a; }

  apply() {
    const { x, y, width, height } = this.whole;
    const w = width / this.scale, h = height / this.scale;
    const inside = (value, low, high) => Math.min(Math.max(value, low), high);
    this.middle = [inside(this.middle[0], x + w / 2, x + width - w / 2), inside(this.middle[1], y + h / 2, y + height - h / 2)];
    this.svg.setAttribute("viewBox", `${this.middle[0] - w / 2} ${this.middle[1] - h / 2} ${w} ${h}`);
    this.svg.classList.toggle("zoomed", this.scale > 1.01);
    this.changed(this);
  }

  // Zoom so that what is under `point` (of the drawing; default: the middle) stays where it is.
  zoom(factor, point = this.middle) {
    const next = Math.min(Math.max(this.scale * factor, 1), MOST);
    const ratio = this.scale / next;
    this.middle = this.middle.map((value, axis) => point[axis] + (value - point[axis]) * ratio);
    this.scale = next;
    this.apply();
  }

  pan(dx, dy) {
    this.middle = [this.middle[0] + dx, this.middle[1] + dy];
    this.apply();
  }

  fit() {
    this.scale = 1;
    this.apply();
  }

  sees([x, y]) {
    const w = this.whole.width / this.scale, h = this.whole.height / this.scale;
    return Math.abs(x - this.middle[0]) < w / 2 && Math.abs(y - this.middle[1]) < h / 2;
  }

  // Bring a box of the drawing into sight, without zooming.
  show({ x, y, width, height }) {
    if (this.scale <= 1) return;
    const w = this.whole.width / this.scale, h = this.whole.height / this.scale;
    const left = this.middle[0] - w / 2, top = this.middle[1] - h / 2;
    if (x < left || y < top || x + width > left + w || y + height > top + h) {
      this.middle = [x + width / 2, y + height / 2];
      this.apply();
    }
  }

  // A key that zooms or pans; true: it did.
  key(event) {
    const step = 0.15 * this.whole.width / this.scale;
    const arrows = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.fit();
    else if (event.shiftKey && arrows[event.key]) this.pan(...arrows[event.key]);
    else return false;
    event.preventDefault();
    return true;
  }

  down(event) {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    if (this.pointers.size === 0) this.moved = false;
    const taken = this.pointers.size === 0 && this.drag(event, "start", this.at(event.clientX, event.clientY));
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, x0: event.clientX, y0: event.clientY, taken });
    if (taken) this.svg.setPointerCapture(event.pointerId);
  }

  move(event) {
    const held = this.pointers.get(event.pointerId);
    if (!held) return;
    const before = [...this.pointers.values()].map((one) => ({ ...one }));
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    if (Math.hypot(event.clientX - held.x0, event.clientY - held.y0) > SLACK) this.moved = true;
    if (!this.moved) return;
    held.x = event.clientX;
    held.y = event.clientY;
    if (held.taken) {
      this.drag(event, "move", this.at(event.clientX, event.clientY));
    } else if (this.pointers.size === 1) {
      if (event.pointerType === "touch" && this.scale <= 1.01) return; // the page scrolls
      if (!this.svg.hasPointerCapture(event.pointerId)) this.svg.setPointerCapture(event.pointerId);
      this.pan(-dx / this.density, -dy / this.density);
    } else if (this.pointers.size === 2) {
      const [a, b] = [...this.pointers.values()], [a0, b0] = before;
      const apart = Math.hypot(a.x - b.x, a.y - b.y), apart0 = Math.hypot(a0.x - b0.x, a0.y - b0.y);
      const middle = [(a.x + b.x) / 2, (a.y + b.y) / 2];
      this.pan(-(middle[0] - (a0.x + b0.x) / 2) / this.density, -(middle[1] - (a0.y + b0.y) / 2) / this.density);
      if (apart0 > 0) this.zoom(apart / apart0, this.at(...middle));
    }
  }

  up(event) {
    const held = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (held?.taken) this.drag(event, this.moved && event.type === "pointerup" ? "end" : "cancel", this.at(event.clientX, event.clientY));
  }

  // Plain turning of the wheel scrolls the page, unless somebody works on the drawing.
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey && !this.svg.parentElement.contains(document.activeElement)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 18 : 1;
    this.zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY * lines)) * 0.006), this.at(event.clientX, event.clientY));
  }
}

// Buttons with data-zoom = in, out, fit. `about()`: a point of the drawing that stays in sight when it grows.
export function buttons(root, view, about = () => view.middle) {
  for (const button of root.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "in") view.zoom(STEP, view.sees(about()) ? about() : view.middle);
      else if (button.dataset.zoom === "out") view.zoom(1 / STEP);
      else view.fit();
    });
  }
}

// The nearest of `boxes` [[thing, DOMRect-like]] that lies in the direction of an arrow key; undefined: none.
export function towards(key, from, boxes) {
  const [cx, cy] = [from.x + from.width / 2, from.y + from.height / 2];
  let best, least = Infinity;
  for (const [thing, box] of boxes) {
    const [dx, dy] = [box.x + box.width / 2 - cx, box.y + box.height / 2 - cy];
    const [along, across] = { ArrowLeft: [-dx, dy], ArrowRight: [dx, dy], ArrowUp: [-dy, dx], ArrowDown: [dy, dx] }[key];
    const far = along + 2.5 * Math.abs(across);
    if (along > 1 && Math.abs(across) < 3 * along && far < least) [best, least] = [thing, far];
  }
  return best;
}
