// The status page: shows the targets from the server's events, and checks any address.
//
// Whatever comes over the network becomes text (textContent) or a number, never markup. The
// server's Content-Security-Policy forbids the rest.

const HISTORY = 60;
const $ = (id) => document.getElementById(id);
const targets = new Map();

// --- words

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.00995) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
}

function age(since) {
  const seconds = Math.max(0, (Date.now() - Date.parse(since)) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `for ${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `for ${Math.floor(seconds / 3600)} h`;
  return `for ${Math.floor(seconds / 86400)} days`;
}

function stateOf(up) {
  if (up === null) return "unknown";
  return up ? "up" : "down";
}

const WORDS = { up: "up", down: "down", unknown: "unknown" };

function sentence(detail) {
  return detail === undefined ? "not checked yet" : detail.split("\n")[0];
}

function summary() {
  const all = [...targets.values()].map((each) => each.data);
  const down = all.filter((data) => data.up === false);
  if (all.length === 0) return "Ready to check";
  if (down.length === 1) return `${down[0].name} is down`;
  if (down.length > 1) return `${down.length} of ${all.length} targets are down`;
  const up = all.filter((data) => data.up).length;
  if (up < all.length) return `${up} of ${all.length} targets are known to be up`;
  return all.length === 1 ? "The target is up" : `All ${all.length} targets are up`;
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
  view.word.textContent = WORDS[state];
  view.name.textContent = data.name;
  view.address.textContent = data.address;
  view.time.textContent = newest?.ok ? duration(newest.seconds) : "–";
  view.detail.textContent = state === "up" && newest?.ok ? "" : sentence(data.last?.detail);
  view.since.textContent = data.since ? age(data.since) : "";
  drawStrip(view.strip, data.history);
}

function showAll() {
  $("nothing").hidden = targets.size > 0;
  showSummary();
}

function showSummary() {
  const text = summary();
  $("summary").textContent = text;
  document.title = `${text} · tryconnect`;
}

function reset(list) {
  targets.clear();
  $("targets").replaceChildren();
  for (const data of list) {
    const target = { data, view: made("target", PARTS) };
    targets.set(data.name, target);
    show(target);
    $("targets").append(target.view.root);
  }
  showAll();
}

function checked({ name, detail, ...point }) {
  const target = targets.get(name);
  // The list of targets may include it already.
  if (!target || point.time <= target.data.history.at(-1)?.time) return;
  target.data.last = { ...target.data.last, detail };
  target.data.history = [...target.data.history, point].slice(-HISTORY);
  show(target);
}

function changed(data) {
  const target = targets.get(data.name);
  if (!target) return;
  target.data = data;
  show(target);
  showSummary();
  $("news").textContent = `${data.name} is ${WORDS[stateOf(data.up)]}: ${sentence(data.last?.detail)}`;
}

// --- the server's events

const PAUSE = 3000;

function linked(state, words) {
  $("link").dataset.state = state;
  $("link-words").textContent = words;
}

function listen() {
  const source = new EventSource("api/events");
  const on = (event, act) =>
    source.addEventListener(event, (message) => act(JSON.parse(message.data)));
  on("targets", reset);
  on("check", checked);
  on("change", changed);
  source.onopen = () => linked("live", "live");
  source.onerror = () => {
    linked("lost", "reconnecting");
    // Browsers reconnect by themselves, but not after an error response.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, PAUSE);
  };
}

// --- checking any address

const PHASES = ["dns", "connect", "tls", "response"];

function facts(report) {
  const found = [["reason", report.reason]];
  if (report.status !== null) found.push(["status", String(report.status)]);
  if (report.hops.length) found.push(["redirects", String(report.hops.length)]);
  if (report.url && report.url !== report.address) found.push(["ended at", report.url]);
  if (report.ip) found.push(["peer", report.ip]);
  if (report.tls) found.push(["TLS", report.tls.version]);
  if (report.tls?.expires) found.push(["certificate until", report.tls.expires.slice(0, 10)]);
  for (const phase of PHASES) {
    if (report.timings[phase] !== null) found.push([phase, duration(report.timings[phase])]);
  }
  return found.map(([term, value]) => {
    const pair = document.createElement("div");
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = value;
    pair.append(dt, dd);
    return pair;
  });
}

function showReport(state, detail, report = null) {
  const view = made("report", ["word", "detail", "caret", "facts"]);
  const [first, ...rest] = detail.split("\n");
  view.root.dataset.state = state;
  view.word.textContent = { up: "yes", down: "no", unknown: "not checked" }[state];
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
    const response = await fetch(`api/check?${query}`);
    const answer = await response.json();
    if (response.ok) showReport(answer.ok ? "up" : "down", answer.detail, answer);
    else showReport("unknown", answer.detail);
  } catch {
    showReport("unknown", "cannot reach the server");
  }
}

$("check").addEventListener("submit", check);
setInterval(() => targets.forEach(show), 30_000);
listen();
