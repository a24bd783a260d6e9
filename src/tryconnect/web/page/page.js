// The status page: shows the targets from the server's events, and checks any address.
//
// Whatever comes over the network becomes text (textContent) or a number, never markup. The
// server's Content-Security-Policy forbids the rest.

import { drawChart } from "./chart.js";
import { ago, age, clock, duration, facts, moment, pairs, sentence, stateOf, utcOffset } from "./words.js";

const HISTORY = 60;
const DENSE_ABOVE = 15; // targets: beyond that, those that are up become tiles
const CARDS = 8; // that many down targets are told in full; more become tiles, too
const ASK_EVERY = 3000; // milliseconds between two questions whether the server lives
const ANSWER_WITHIN = 4000; // both together: a server that is gone is noticed within 7 seconds

const $ = (id) => document.getElementById(id);
const targets = new Map();
const title = $("title").textContent;
const seen = { at: performance.now(), clock: Date.now(), lost: false };

// --- the headline

function named(names, total) {
  const shown = names.length > 3 ? names.slice(0, 2) : names;
  const rest = names.length - shown.length;
  const words = rest ? [...shown, `${rest} more of ${total}`] : shown;
  if (words.length === 1) return `${words[0]} is down`;
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)} are down`;
}

function summary() {
  const all = [...targets.values()].map((each) => each.data);
  const down = all.filter((data) => data.up === false);
  if (all.length === 0) return "Ready to check";
  const local = all.filter((data) => data.last?.reason === "local").length;
  if (local * 2 > all.length) return "The server's own network is gone";
  if (down.length) return named(down.map((data) => data.name), all.length);
  const up = all.filter((data) => data.up).length;
  if (up < all.length) return `${up} of ${all.length} targets are known to be up`;
  return all.length === 1 ? "The target is up" : `All ${all.length} targets are up`;
}

function showSummary() {
  const lost = `Connection lost ${ago((performance.now() - seen.at) / 1000)}; state of ${clock(seen.clock)}`;
  const text = seen.lost ? lost : summary();
  if ($("summary").textContent !== text) $("summary").textContent = text;
  const tab = `${text} · ${title}`;
  if (document.title !== tab) document.title = tab;
}

// --- the strip: one bar for each check, the newest on the right

function bar(index, share) {
  const x = 300 - (HISTORY - index) * 5 + 2.5;
  return `M${x} 40V${(40 * (1 - share)).toFixed(1)}`;
}

// From a tenth for 1 ms and less to three quarters for 10 s and more; a failure takes it all.
function share(seconds) {
  const decades = Math.log10(Math.max(seconds, 0.001)) + 3;
  return 0.1 + 0.65 * Math.min(decades / 4, 1);
}

function inWords(checks, failed) {
  if (checks === 0) return "No checks yet";
  const subject = checks === 1 ? "The last check" : `The last ${checks} checks`;
  return `${subject}: ${failed === 0 ? "all good" : `${failed} failed`}`;
}

function drawStrip(svg, history) {
  const shown = history.slice(-HISTORY);
  const offset = HISTORY - shown.length;
  const bars = { good: [], bad: [] };
  shown.forEach((point, index) => {
    bars[point.ok ? "good" : "bad"].push(bar(offset + index, point.ok ? share(point.seconds) : 1));
  });
  svg.querySelector(".good").setAttribute("d", bars.good.join(""));
  svg.querySelector(".bad").setAttribute("d", bars.bad.join(""));
  svg.setAttribute("aria-label", inWords(shown.length, bars.bad.length));
}

// --- a target

function made(template, selectors) {
  const root = $(template).content.firstElementChild.cloneNode(true);
  const parts = selectors.map((name) => [name, root.querySelector(`.${name}`)]);
  return { root, ...Object.fromEntries(parts) };
}

const PARTS = ["word", "name", "address", "strip", "time", "detail", "since"];

function show(target) {
  const { data, view } = target;
  const state = stateOf(data.up);
  const newest = data.history.at(-1);
  view.root.dataset.state = state;
  view.word.textContent = seen.lost ? `was ${state}` : state;
  view.name.textContent = data.name;
  view.name.href = `#${encodeURIComponent(data.name)}`;
  view.address.textContent = data.address;
  view.time.textContent = newest?.ok ? duration(newest.seconds) : "–";
  view.time.title = newest ? `last check: ${moment(newest.time)}` : "";
  view.detail.textContent = state === "up" && newest?.ok ? "" : sentence(data.last?.detail);
  view.since.textContent = data.since ? age(data.since) : "";
  view.since.title = data.since ? `since ${moment(data.since)}` : "";
  view.root.title = view.root.closest(".dense") ? `${data.name}: ${sentence(data.last?.detail)}` : "";
  drawStrip(view.strip, data.history);
  if (shownName() === data.name) showDetail(target);
}

// --- which targets, and in which order: what is down comes first, and is never off screen

function matches(data) {
  const wanted = $("filter").value.trim().toLowerCase();
  if ($("only-down").checked && data.up !== false) return false;
  const texts = [data.name, data.address, data.group ?? ""];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

function sections(shown) {
  const dense = targets.size > DENSE_ABOVE;
  const down = shown.filter(({ data }) => data.up === false);
  const others = shown.filter(({ data }) => data.up !== false);
  const grouped = others.some(({ data }) => data.group);
  if (!dense && !grouped) return [["", [...down, ...others], false]];
  const groups = Map.groupBy
    ? Map.groupBy(others, ({ data }) => data.group ?? "")
    : others.reduce((all, each) => all.set(each.data.group ?? "", [...(all.get(each.data.group ?? "") ?? []), each]), new Map());
  const names = [...groups.keys()].sort((one, other) => (one === "") - (other === "") || one.localeCompare(other));
  return [
    ["Down", down, down.length > CARDS],
    ...names.map((name) => [name || (grouped ? "Others" : "Not down"), groups.get(name), dense]),
  ].filter(([, members]) => members.length);
}

function layout() {
  const focused = document.activeElement;
  const shown = [...targets.values()].filter(({ data }) => matches(data));
  const made_ = sections(shown).map(([name, members, dense]) => {
    const view = made("group", ["group-name"]);
    view["group-name"].textContent = name && `${name} (${members.length})`;
    view["group-name"].hidden = !name;
    const list = view.root.querySelector("ul");
    list.classList.toggle("dense", dense);
    list.classList.toggle("two", !dense && name === "Down" && members.length > 3);
    list.append(...members.map((each) => each.view.root));
    return view.root;
  });
  $("targets").replaceChildren(...made_);
  $("nothing").hidden = targets.size > 0;
  $("controls").hidden = targets.size === 0;
  $("none-shown").hidden = targets.size === 0 || shown.length > 0;
  targets.forEach(show);
  if (focused instanceof HTMLElement && focused.isConnected) focused.focus({ preventScroll: true });
  showSummary();
}

function reset(list) {
  targets.clear();
  for (const data of list) targets.set(data.name, { data, view: made("target", PARTS) });
  layout();
  openNamed();
}

function checked({ name, number, detail, ...point }) {
  const target = targets.get(name);
  // The list of targets may include it already. Times do not tell: clocks can be set back.
  if (!target || number <= target.data.number) return;
  target.data.number = number;
  target.data.last = { ...target.data.last, detail, reason: point.reason, ok: point.ok };
  target.data.history = [...target.data.history, point].slice(-HISTORY);
  show(target);
  showSummary();
}

function changed(data) {
  const target = targets.get(data.name);
  if (!target) return;
  target.data = data;
  layout();
  $("news").textContent = `${data.name} is ${stateOf(data.up)}: ${sentence(data.last?.detail)}`;
}

$("filter").addEventListener("input", layout);
$("only-down").addEventListener("change", layout);

// --- whether the server is there

const PAUSE = 3000;

function linked(state, words) {
  $("link").dataset.state = state;
  $("link-words").textContent = words;
}

function heard() {
  seen.at = performance.now();
  seen.clock = Date.now();
  if (seen.lost) setLost(false);
}

function setLost(lost) {
  seen.lost = lost;
  document.body.classList.toggle("lost", lost);
  linked(lost ? "lost" : "live", lost ? "reconnecting" : "live");
  if (lost) $("news").textContent = "Connection lost";
  targets.forEach(show);
  showSummary();
}

async function ask() {
  try {
    const response = await fetch("healthz", { signal: AbortSignal.timeout(ANSWER_WITHIN), cache: "no-store" });
    utcOffset(response.headers.get("Date"));
    if (response.ok) heard();
    else setLost(true);
  } catch {
    setLost(true);
  }
  setTimeout(ask, ASK_EVERY);
}

function listen() {
  const source = new EventSource("api/events");
  const on = (event, act) =>
    source.addEventListener(event, (message) => {
      heard();
      act(JSON.parse(message.data));
    });
  on("targets", reset);
  on("check", checked);
  on("change", changed);
  source.onopen = () => {
    heard();
    linked("live", "live");
  };
  source.onerror = () => {
    setLost(true);
    // Browsers reconnect by themselves, but not after an error response.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, PAUSE);
  };
}

// --- one target, opened

const shownName = () => ($("detail").open ? $("detail").dataset.name : undefined);

function openNamed() {
  let name = "";
  try {
    name = decodeURIComponent(location.hash.slice(1));
  } catch {
    // No name of ours is written like that.
  }
  const target = targets.get(name);
  if (!target) return $("detail").close();
  const dialog = $("detail");
  if (dialog.dataset.name !== name) $("chart").replaceChildren();
  dialog.dataset.name = name;
  if (!dialog.open) dialog.showModal();
  showDetail(target);
  loadHistory();
}

function showDetail({ data }) {
  const newest = data.history.at(-1);
  $("detail").dataset.state = stateOf(data.up);
  $("detail-name").textContent = data.name;
  $("detail-address").textContent = data.address;
  const since = data.since ? ` ${age(data.since)}, since ${moment(data.since)}` : "";
  $("detail-state").textContent = `${seen.lost ? "was " : ""}${stateOf(data.up)}${since}`;
  $("detail-sentence").textContent = sentence(data.last?.detail);
  $("detail-last").textContent = newest ? `last check: ${moment(newest.time)}, every ${data.every} s` : "";
  $("detail-facts").replaceChildren(...(data.last?.timings ? facts(data.last) : []));
  const hops = data.last?.hops ?? [];
  $("detail-hops").previousElementSibling.hidden = !hops.length;
  $("detail-hops").replaceChildren(...hops.map((hop) => item(`${hop.status} ${hop.url}`)));
}

function item(text, hint = "") {
  const element = document.createElement("li");
  element.textContent = text;
  element.title = hint;
  return element;
}

async function loadHistory() {
  const name = $("detail").dataset.name;
  const seconds = Number($("range").value);
  const since = Math.floor(Date.now() / 1000) - seconds;
  try {
    const response = await fetch(`api/targets/${encodeURIComponent(name)}/history?since=${since}`);
    if (shownName() !== name) return;
    showHistory(name, response.ok ? await response.json() : null);
  } catch {
    // The headline says that the server is gone.
  }
}

const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(share > 0.999 && share < 1 ? 3 : 1)} %`);

function showHistory(name, told) {
  const latest = (targets.get(name)?.data.history ?? []).map((point) => ({
    time: point.time,
    checks: point.reason === "local" ? 0 : 1,
    good: point.ok ? 1 : 0,
    seconds: point.ok ? point.seconds : null,
  }));
  $("range-box").hidden = !told;
  $("uptime").replaceChildren(...(told ? pairs(Object.entries(told.uptime).map(([span, share]) => [`up in ${span}`, percent(share)])) : []));
  drawChart($("chart"), told?.points ?? latest, told && Date.parse(told.since));
  const incidents = told?.incidents ?? [];
  $("incidents").previousElementSibling.hidden = !told;
  $("incidents").replaceChildren(
    ...incidents.slice(0, 20).map((each) => {
      const lasted = each.end ? `for ${duration(each.seconds)}` : "until now";
      return item(`${moment(each.start)} ${lasted}: ${sentence(each.detail)}`, each.end ? `until ${moment(each.end)}` : "");
    }),
    ...(told && !incidents.length ? [item("none")] : []),
  );
}

$("range").addEventListener("change", loadHistory);
$("detail-close").addEventListener("click", () => $("detail").close());
$("detail").addEventListener("close", () => {
  if (location.hash) history.pushState(null, "", location.pathname + location.search);
});
addEventListener("hashchange", openNamed);

// --- checking any address

// An address that is none, or must not be asked, was not checked: that is not a "no".
const VERDICTS = { invalid_address: ["unknown", "not an address"], blocked: ["unknown", "not allowed"], local: ["unknown", "not checked"] };

function verdict(answer) {
  return VERDICTS[answer.reason] ?? (answer.ok ? ["up", "yes"] : ["down", "no"]);
}

function showReport([state, word], detail, report = null) {
  const view = made("report", ["word", "detail", "caret", "facts"]);
  const [first, ...rest] = detail.split("\n");
  view.root.dataset.state = state;
  view.word.textContent = word;
  view.detail.textContent = report ? `${report.address} ${first}` : first;
  view.caret.textContent = rest.join("\n");
  view.facts.replaceChildren(...(report ? facts(report) : []));
  $("result").replaceChildren(view.root);
}

async function check(event) {
  event.preventDefault();
  const query = new URLSearchParams({ address: $("address").value });
  if ($("expect").value) query.set("expect", $("expect").value);
  $("result").textContent = "Checking …";
  try {
    const response = await fetch(`api/check?${query}`, { headers: { "X-Tryconnect": "page" } });
    const answer = await response.json();
    if (response.ok) showReport(verdict(answer), answer.detail, answer);
    else showReport(["unknown", "not checked"], answer.detail);
  } catch {
    showReport(["unknown", "not checked"], "cannot reach the server");
  }
}

$("check").addEventListener("submit", check);
setInterval(() => targets.forEach(show), 30_000);
setInterval(() => seen.lost && showSummary(), 1000);
setInterval(() => shownName() && loadHistory(), 30_000);
listen();
ask();
