// A chart of response times over time, in plain SVG; failures are marks at the bottom.

import { clock, duration } from "./words.js";

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 56;
const BOTTOM = 28;
const TOP = 10;
const NAMESPACE = "http://www.w3.org/2000/svg";

function made(name, attributes, text = "") {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

// The next of 1, 2, 5, 10 … that is no smaller.
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= value * 0.999);
}

function label(time, span) {
  if (span <= 900_000) return clock(time, { second: "2-digit" });
  if (span <= 2 * 86_400_000) return clock(time);
  return new Date(time).toLocaleDateString([], { day: "numeric", month: "short" });
}

function inWords(points) {
  const checks = points.reduce((sum, point) => sum + point.checks, 0);
  const good = points.reduce((sum, point) => sum + point.good, 0);
  const times = points.map((point) => point.seconds).filter((each) => each !== null);
  const mean = times.length ? `, ${duration(times.reduce((a, b) => a + b) / times.length)} on average` : "";
  return `${checks} checks, ${checks - good} failed${mean}`;
}

// `since`: where the axis begins; null: at the first point.
export function drawChart(place, points, since = null) {
  if (!points.length) {
    place.textContent = "No checks in this time.";
    return;
  }
  const times = points.map((point) => Date.parse(point.time));
  const first = Math.min(since ?? Infinity, ...times);
  const last = since === null ? Math.max(...times) : Date.now();
  const span = Math.max(last - first, 1);
  const most = round(Math.max(0.001, ...points.map((point) => point.seconds ?? 0)));
  const x = (time) => LEFT + ((time - first) / span) * (WIDTH - LEFT - 8);
  const y = (seconds) => TOP + (1 - seconds / most) * (HEIGHT - TOP - BOTTOM);

  const svg = made("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart" });
  svg.setAttribute("aria-label", inWords(points));
  for (const part of [0, 0.5, 1]) {
    svg.append(made("path", { class: "grid", d: `M${LEFT} ${y(part * most)}H${WIDTH - 8}` }));
    svg.append(made("text", { x: LEFT - 8, y: y(part * most) + 4, "text-anchor": "end" }, part ? duration(part * most) : "0"));
  }
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    const time = first + part * span;
    svg.append(made("text", { x: x(time), y: HEIGHT - 6, "text-anchor": anchor }, label(time, span)));
  }

  let line = "";
  let bad = "";
  points.forEach((point, index) => {
    const at = x(times[index]).toFixed(1);
    // Where nothing good was measured the line is broken.
    if (point.seconds !== null) line += `${line && points[index - 1]?.seconds !== null ? "L" : "M"}${at} ${y(point.seconds).toFixed(1)}`;
    if (point.good < point.checks) bad += `M${at} ${HEIGHT - BOTTOM}V${HEIGHT - BOTTOM - 14}`;
  });
  if (!/L/.test(line)) line = line.replaceAll(/M([\d.]+ [\d.]+)/g, "M$1h1");
  svg.append(made("path", { class: "line", d: line }), made("path", { class: "failed", d: bad }));
  place.replaceChildren(svg);
}
