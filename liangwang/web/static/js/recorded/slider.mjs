// The time slider of the duty page: a recorded day is fetched once, then dragged and played; the page hears `moment` and `live`.

import { calendar } from "./calendar.mjs";
import { momentOf } from "./day.mjs";

const DAY_S = 86400;
const FRAME_MS = 120; // the map takes about eight pictures a second
const LOOK_MS = 60000;
const zone = "Asia/Shanghai";
const lang = document.documentElement.lang;
const box = document.getElementById("slider");
const banner = document.getElementById("recorded-banner");
const [dayButton, playButton, speed, range, liveButton, said] = ["day", "play", "speed", "at", "live", "said"].map((name) => document.getElementById(`slider-${name}`));
const clock = box.querySelector(".clock");
const marks = box.querySelector(".marks");

let day = null; // the recorded day that is shown; null while the page is live
let at = 0; // the second of the day
let playing = null; // {timer, since, from}
let today = "";
let replays = ""; // where a day is run again, for whoever may
let asked = 0;
const known = new Map(); // past days do not change: they are fetched once

const two = (n) => String(Math.floor(n)).padStart(2, "0");
const spelled = (second) => `${two(second / 3600)}:${two((second / 60) % 60)}:${two(second % 60)}`;
const words = (format) => new Intl.DateTimeFormat(lang, { timeZone: zone, ...format });
const dateWords = words({ month: "long", day: "numeric", weekday: "short" });
const longDate = words({ year: "numeric", month: "long", day: "numeric", weekday: "short" });
const ofDay = (iso) => new Date(`${iso}T12:00:00+08:00`);
const secondNow = () => (Date.now() - Date.parse(`${localDay(new Date())}T00:00:00+08:00`)) / 1000;
const localDay = (date) => new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(date);

const end = () => (day ? day.until : Math.min(DAY_S, secondNow()));

// --- what is drawn -------------------------------------------------------------------------------------

function strip(slots) {
  const most = Math.max(1, ...slots);
  const bars = slots.map((n, x) => (n ? `<rect x="${2 * x}" y="${(40 - (38 * n) / most).toFixed(1)}" width="1.7" height="${((38 * n) / most).toFixed(1)}"/>` : ""));
  box.querySelector(".hours").innerHTML = `<line class="base" x1="0" x2="288" y1="39.5" y2="39.5"/>${bars.join("")}`;
}

function mark(one) {
  const template = box.querySelector(`template[data-mark="${one.kind}"]`);
  const item = document.createElement("li");
  const button = Object.assign(document.createElement("button"), { type: "button", title: `${spelled(one.at).slice(0, 5)} ${template.dataset.word} ${one.name}` });
  button.setAttribute("aria-label", button.title);
  button.append(template.content.cloneNode(true));
  button.addEventListener("click", () => seek(one.at));
  item.className = one.kind;
  item.style.insetInlineStart = `${(100 * one.at) / DAY_S}%`;
  item.append(button);
  return item;
}

function figures(found) {
  let panel = document.getElementById("then");
  const side = document.getElementById("panels");
  if (!panel && side) {
    side.before(document.getElementById("recorded-figures").content.cloneNode(true));
    panel = document.getElementById("then");
  }
  panel?.querySelectorAll("[data-figure]").forEach((element) => (element.textContent = found[element.dataset.figure].toLocaleString(lang)));
  const count = document.querySelector("#feed .big-figure");
  if (count) count.textContent = found.open.toLocaleString(lang);
  const link = panel?.querySelector("[data-replay]");
  if (link && replays) {
    link.href = `${replays}?day=${day.day}`;
    link.parentElement.hidden = false;
  }
}

function reading(second) {
  range.value = second;
  range.style.setProperty("--share", `${(100 * second) / DAY_S}%`);
  range.setAttribute("aria-valuetext", spelled(second).slice(0, 5));
  clock.textContent = spelled(second);
}

function head() {
  dayButton.querySelector("span").textContent = day && day.day !== today ? dateWords.format(ofDay(day.day)) : box.dataset.today;
  box.classList.toggle("back", Boolean(day));
  liveButton.hidden = !day;
  banner.hidden = !day;
  if (day) banner.querySelector("time").textContent = `${longDate.format(ofDay(day.day))} ${spelled(at).slice(0, 5)}`;
}

/** Shows the second of the day everywhere. */
function show() {
  const moment = momentOf(day, at);
  document.body.dataset.recorded = moment.at;
  document.getElementById("city-map").dataset.recorded = `${box.dataset.thing}?at=${encodeURIComponent(moment.at)}`;
  reading(at);
  head();
  document.dispatchEvent(new CustomEvent("moment", { detail: moment }));
  figures(moment.figures);
}

const later = (() => {
  let waiting = 0;
  return (work) => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(work);
  };
})();

/** Keeps the instant in the address, so that going back or a link leads to it again. */
function remember() {
  const hash = day ? `#at=${day.day}T${spelled(at)}` : "";
  if (location.hash !== hash) history.replaceState(history.state, "", location.pathname + location.search + hash);
}

// --- going ---------------------------------------------------------------------------------------------

async function told(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

/** Opens a day (2026-11-22) at a second; today's record is read anew each time. */
async function open(wanted, second) {
  const turn = ++asked;
  said.textContent = box.dataset.loading;
  box.setAttribute("aria-busy", "true");
  try {
    const found = known.get(wanted) ?? (await told(`${box.dataset.days}${wanted}/`));
    if (turn !== asked) return;
    if (found.over) known.set(wanted, found);
    day = found;
    strip(day.slots);
    marks.replaceChildren(...day.marks.map(mark));
    at = Math.min(Math.max(0, second), day.until);
    said.textContent = longDate.format(ofDay(day.day));
    show();
    remember();
  } catch (error) {
    console.error(error);
    said.textContent = box.dataset.failed;
    clock.textContent = box.dataset.failed;
  } finally {
    if (turn === asked) box.removeAttribute("aria-busy");
  }
}

function seek(second) {
  if (!day) return open(today, second);
  at = Math.min(Math.max(0, second), end());
  if (playing) Object.assign(playing, { since: performance.now(), from: at });
  reading(at);
  later(show);
  clearTimeout(seek.kept);
  seek.kept = setTimeout(remember, 400);
}

function pause() {
  if (!playing) return;
  clearInterval(playing.timer);
  playing = null;
  remember();
  worded();
}

function worded() {
  playButton.setAttribute("aria-pressed", String(Boolean(playing)));
  playButton.querySelector(".word").textContent = playing ? playButton.dataset.pause : playButton.dataset.play;
}

function frame() {
  at = Math.min(end(), playing.from + ((performance.now() - playing.since) / 1000) * Number(speed.value));
  show();
  if (at >= end()) pause();
}

async function play() {
  if (playing) return pause();
  if (!day) await open(today, Math.max(0, end() - 3600)); // the last hour, when nothing was chosen
  if (!day) return;
  if (at >= end()) at = 0;
  playing = { since: performance.now(), from: at, timer: setInterval(frame, FRAME_MS) };
  worded();
}

function live() {
  if (day) document.dispatchEvent(new CustomEvent("live"));
}

document.addEventListener("live", () => {
  pause();
  asked += 1;
  day = null;
  delete document.body.dataset.recorded;
  delete document.getElementById("city-map").dataset.recorded;
  document.getElementById("then")?.remove();
  marks.replaceChildren();
  head();
  remember();
  look();
});

// --- while it is live ----------------------------------------------------------------------------------

/** The present day's strip, and the handle at now. */
async function look() {
  const found = await told(box.dataset.days).catch((error) => (console.error(error), null));
  if (!found) return;
  [today, replays] = [found.today, found.replays];
  if (day) return;
  strip(found.slots);
  reading(Math.min(DAY_S, secondNow()));
  head();
}

// --- hands and keys ------------------------------------------------------------------------------------

const STEPS = { ArrowLeft: -60, ArrowDown: -60, ArrowRight: 60, ArrowUp: 60, PageDown: -3600, PageUp: 3600 };

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const own = event.target === range;
  // Elsewhere on the page the keys are the slider's only while it shows a recorded day, and never where they mean something.
  const busy = event.target.closest?.("input, textarea, select, button, summary, #brief, .maplibregl-map, [role=listbox]");
  if (!own && (!day || busy)) return;
  const now = Number(range.value);
  if (event.key === " ") play();
  else if (event.key in STEPS) seek(now + STEPS[event.key] * (event.shiftKey ? 10 : 1));
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(end());
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function fromAddress() {
  const found = /^#at=(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/.exec(location.hash);
  return found && { day: found[1], second: Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0) };
}

function goToAddress() {
  const wanted = fromAddress();
  if (wanted) open(wanted.day, wanted.second);
  else if (day) live();
}

/** A row of the list leads to how it went, while a recorded day is shown. */
function rowClicked(event) {
  const link = day && event.target.closest?.("#feed .incident a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  event.stopPropagation();
  location.assign(link.href);
}

/** Waits until the page shows the present: what is recorded would be drawn over. */
function drawn() {
  const map = document.getElementById("city-map");
  return new Promise((done) => {
    if (map.dataset.ready) return done();
    new MutationObserver((_, watcher) => { watcher.disconnect(); done(); }).observe(map, { attributeFilter: ["data-ready"] });
  });
}

box.hidden = false;
addEventListener("click", rowClicked, { capture: true });
range.addEventListener("input", () => seek(Number(range.value)));
addEventListener("keydown", keys, { capture: true });
addEventListener("hashchange", goToAddress);
playButton.addEventListener("click", play);
speed.addEventListener("change", () => playing && Object.assign(playing, { since: performance.now(), from: at }));
liveButton.addEventListener("click", live);
const days = calendar(document.getElementById("slider-days"), { url: box.dataset.days, lang, words: box.dataset, pick: (iso) => { pause(); open(iso, iso === today ? end() : day ? at : 8 * 3600); } });
dayButton.addEventListener("click", () => days.open(day?.day ?? today));
await look();
setInterval(() => day || look(), LOOK_MS);
await drawn();
goToAddress();
