"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const lanes = document.getElementById("lanes");
  if (!data.kinds.length || !lanes) return;
  const overview = document.getElementById("overview");
  const loss = document.getElementById("loss");
  const about = document.getElementById("about");
  const total = data.kinds.length;
  const ROW = 44, LABEL = 18, BAR = 18;
  const SIGNS = { b: "▲", s: "●", u: "◆", c: "▽", o: "·" };
  const NAMES = { b: "backward", s: "step", u: "update by hand", c: "cleared", o: "" };
  let start = 0, count = 0;

  const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

  function prepare(canvas, height) {
    const width = canvas.clientWidth, scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = height + "px";
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif";
    return [pen, width];
  }

  const x = (index, width) => ((index - start) / count) * width;

  function draw() {
    const [pen, width] = prepare(lanes, data.lanes.length * ROW + 4);
    const slot = width / count;
    data.lanes.forEach((name, lane) => {
      const top = lane * ROW + LABEL;
      pen.fillStyle = color("panel");
      pen.fillRect(0, top, width, BAR);
      pen.fillStyle = color("soft");
      pen.textBaseline = "alphabetic";
      pen.textAlign = "left";
      pen.fillText(name, 0, top - 5, width);
    });
    for (const [lane, begin, end, state] of data.stretches) {
      if (end < start || begin > start + count) continue;
      const left = Math.max(0, x(begin + .5, width)), right = Math.min(width, x(end + .5, width));
      pen.fillStyle = color(state);
      pen.fillRect(left, lane * ROW + LABEL, Math.max(1, right - left), BAR);
    }
    if (slot >= 5) {
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillStyle = color("ink");
      pen.font = `${clamp(slot * .8, 7, 13)}px system-ui, sans-serif`;
      for (let index = Math.max(0, Math.floor(start)); index < Math.min(total, start + count); index++) {
        for (const lane of data.reached[index]) {
          pen.fillText(SIGNS[data.kinds[index]], x(index + .5, width), lane * ROW + LABEL + BAR / 2 + .5);
        }
      }
    }
    drawLoss();
    drawOverview();
    const last = Math.min(total, Math.floor(start + count));
    document.getElementById("where").textContent = `${Math.floor(start) + 1}–${last} of ${total}${data.leftOut ? ` recorded (${data.leftOut} more were not)` : ""}`;
    document.getElementById("earlier").disabled = start <= 0;
    document.getElementById("later").disabled = start + count >= total;
  }

  function drawLoss() {
    const height = 150, [pen, width] = prepare(loss, height);
    const points = [];
    let broken = null;
    for (let index = Math.max(0, Math.floor(start)); index < Math.min(total, start + count); index++) {
      const value = data.losses[index];
      if (value === null) continue;
      if (typeof value === "string") { broken = broken ?? index; continue; }
      points.push([index, value]);
    }
    pen.fillStyle = color("soft");
    if (!points.length) { pen.fillText(broken === null ? "no scalar loss here" : "the loss is not finite here", 0, 20); return; }
    const values = points.map(point => point[1]);
    let low = Math.min(...values), high = Math.max(...values);
    const log = low > 0 && high / low > 50;
    const f = log ? Math.log10 : value => value;
    if (low === high) { low -= Math.abs(low) * .1 + 1e-9; high += Math.abs(high) * .1 + 1e-9; }
    const y = value => 8 + (height - 24) * (1 - (f(value) - f(low)) / (f(high) - f(low)));
    const show = value => Number(value.toPrecision(4)).toString();
    pen.strokeStyle = color("line");
    pen.beginPath();
    for (const level of [8, height - 16]) { pen.moveTo(0, level); pen.lineTo(width, level); }
    pen.stroke();
    pen.strokeStyle = pen.fillStyle = color("loss");
    pen.lineWidth = 1.5;
    const series = new Map();
    for (const [index, value] of points) {
      const site = data.places[index];
      if (!series.has(site)) series.set(site, []);
      series.get(site).push([x(index + .5, width), y(value)]);
    }
    [...series.values()].forEach((line, number) => {
      pen.globalAlpha = number ? .55 : 1;
      pen.setLineDash(number ? [4, 3] : []);
      pen.beginPath();
      line.forEach(([left, top], k) => k ? pen.lineTo(left, top) : pen.moveTo(left, top));
      pen.stroke();
      if (line.length < 80) for (const [left, top] of line) pen.fillRect(left - 1.5, top - 1.5, 3, 3);
    });
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    pen.fillStyle = color("soft");
    pen.fillText(show(Math.max(...values)) + (log ? "  (logarithmic)" : ""), 2, 20);
    pen.fillText(show(Math.min(...values)), 2, height - 4);
    if (broken !== null) {
      pen.fillStyle = color("bad");
      pen.textAlign = "right";
      pen.fillText("not finite from here", Math.max(x(broken, width), 120), 20);
      pen.fillRect(x(broken + .5, width) - 1, 8, 2, height - 24);
    }
  }

  function drawOverview() {
    const [pen, width] = prepare(overview, 14);
    pen.fillStyle = color("panel");
    pen.fillRect(0, 0, width, 14);
    for (const [, begin, end, state] of data.stretches) {
      if (state !== "consumed") continue;
      pen.fillStyle = color("consumed");
      pen.fillRect(begin / total * width, 3, Math.max(1.5, (end - begin) / total * width), 8);
    }
    pen.strokeStyle = color("ink");
    pen.strokeRect(start / total * width + .5, .5, Math.max(4, count / total * width - 1), 13);
  }

  function go(to, many = count) {
    count = clamp(Math.round(many), Math.min(total, 8), total);
    start = clamp(Math.round(to), 0, Math.max(0, total - count));
    draw();
  }

  const escape = text => text.replace(/[&<>]/g, sign => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

  function tell(event, canvas) {
    const box = canvas.getBoundingClientRect();
    const index = Math.floor(start + (event.clientX - box.left) / box.width * count);
    if (index < 0 || index >= total) return;
    const place = data.sites[data.places[index]];
    const value = data.losses[index];
    const where = data.reached[index].map(lane => data.lanes[lane]).join(", ");
    about.innerHTML = `<b>${index + 1}. ${escape(NAMES[data.kinds[index]] || "moment")}</b>${value === null ? "" : ` of ${escape(String(value))}`}` +
      ` at ${escape(place[0])}${where ? ` — ${escape(where)}` : ""}${place[1] ? `<br><code>${escape(place[1])}</code>` : ""}`;
  }

  for (const canvas of [lanes, loss]) {
    canvas.addEventListener("pointermove", event => tell(event, canvas));
    canvas.addEventListener("pointerdown", event => tell(event, canvas));
  }
  overview.addEventListener("pointerdown", event => {
    const box = overview.getBoundingClientRect();
    go((event.clientX - box.left) / box.width * total - count / 2);
  });
  lanes.addEventListener("keydown", event => {
    const steps = { ArrowLeft: -count / 4, ArrowRight: count / 4, Home: -total, End: total }[event.key];
    if (steps === undefined) return;
    event.preventDefault();
    go(start + steps);
  });
  const press = (id, action) => document.getElementById(id).addEventListener("click", action);
  press("earlier", () => go(start - count / 2));
  press("later", () => go(start + count / 2));
  press("closer", () => go(start + count / 4, count / 2));
  press("wider", () => go(start - count / 2, count * 2));
  const fault = data.stretches.filter(stretch => stretch[3] === "consumed").sort((a, b) => a[1] - b[1])[0];
  const button = document.getElementById("fault");
  button.hidden = !fault;
  const home = () => go(fault ? fault[1] - 4 : 0, Math.max(16, lanes.clientWidth / 16));
  button.addEventListener("click", home);
  window.addEventListener("resize", () => go(start));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  home();
})();
