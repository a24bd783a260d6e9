// Times, durations and facts in words.

// By how much this machine's clock is ahead of the server's, in milliseconds.
let ahead = 0;

// Learns the difference from a Date header, which counts whole seconds.
export function utcOffset(date) {
  const difference = Date.now() - Date.parse(date);
  ahead = Math.abs(difference) > 2000 ? difference : 0;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.00995) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  return long(seconds);
}

function long(seconds) {
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

export function age(since) {
  const seconds = Math.max(0, (Date.now() - ahead - Date.parse(since)) / 1000);
  return seconds < 60 ? "just now" : `for ${long(seconds)}`;
}

export function ago(seconds) {
  return seconds < 60 ? `${Math.floor(seconds)} s ago` : `${long(seconds)} ago`;
}

export function clock(time, more = {}) {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false, ...more });
}

export function moment(time) {
  return new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hour12: false });
}

export function stateOf(up) {
  if (up === null) return "unknown";
  return up ? "up" : "down";
}

export function sentence(detail) {
  return detail === undefined ? "not checked yet" : detail.split("\n")[0];
}

const PHASES = ["dns", "connect", "tls", "response", "total"];

export function facts(report) {
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
  return pairs(found);
}

export function pairs(found) {
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
