// The duty page: map, list and brief choose each other; all three follow the event stream, or a recorded instant.

import * as brief from "./duty/brief.mjs";
import * as list from "./duty/list.mjs";
import { listen, soon } from "./duty/live.mjs";
import { start as startClocks, tick } from "./clock.mjs";

const box = document.getElementById("city-map");
const stale = document.getElementById("stale");
let map = null;
let back = false; // a recorded instant is shown

const fragment = (id) => async () => {
  const element = document.getElementById(id);
  const answer = await fetch(element.dataset.fragment);
  if (answer.ok) list.replace(element, await answer.text());
};

async function renewList() {
  if (!back) await list.renew();
  tick();
}

async function renewMap() {
  if (!map || back) return;
  const found = await map.fetchPoints();
  if (!back) await map.show(found);
}

const soonList = soon(renewList, 400);
const soonMap = soon(renewMap, 400);
const soonFigures = soon(() => Promise.all([fragment("panels")(), fragment("day")().then(dot)]), 4000);
const soonBrief = soon(() => Promise.all([brief.renew(), map?.choose(brief.chosen())]).then(tick), 600);

function everything() {
  [soonList, soonMap, soonFigures, soonBrief].forEach((renew) => renew());
}

// --- choosing ------------------------------------------------------------------------------------------

async function choose(ref, enter) {
  list.mark(ref, true);
  // What is over is read, not acted upon: its own page says how it went.
  if (back) return enter && location.assign(`/command/incidents/${ref}/after/`);
  await Promise.all([brief.open(ref, enter), map?.choose(ref)]);
  tick();
}

function leave() {
  const ref = brief.chosen();
  brief.close();
  map?.choose(null);
  map?.closeCard();
  if (ref) document.querySelector(`#feed [data-ref="${CSS.escape(ref)}"] a`)?.focus();
}

function card(element) {
  element.addEventListener("click", (event) => {
    const link = event.target.closest("[data-choose]");
    if (!link) return;
    event.preventDefault();
    choose(link.dataset.choose, true);
  });
}

// --- live, broken, back --------------------------------------------------------------------------------

let live = true;

/** The mark in the footer, which is renewed with it. */
function dot() {
  const mark = document.getElementById("live");
  if (!mark) return;
  mark.classList.toggle("stale", !live);
  mark.textContent = live ? mark.dataset.live : mark.dataset.stale;
}

const time = () => new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: "Asia/Shanghai" }).format(new Date());

function lost() {
  live = false;
  dot();
  stale.textContent = `${stale.dataset.sinceWord} ${time()}`;
  stale.hidden = false;
}

function opened() {
  if (!live) document.getElementById("said").textContent = stale.dataset.back;
  live = true;
  dot();
  stale.hidden = true;
  everything(); // what happened before the stream was open, or while it was broken
}

/** Whether an event lies in the place of this page. */
const here = (event) => event.place.startsWith(box.dataset.code);

function changed(event) {
  if (!here(event)) return;
  soonList();
  soonMap();
  soonFigures();
  if ([event.ref, event.case].includes(brief.chosen())) soonBrief();
}

// --- a recorded instant --------------------------------------------------------------------------------

document.addEventListener("moment", ({ detail }) => {
  back = true;
  brief.close();
  map?.choose(null);
  map?.show(detail.points);
  list.recorded(detail);
});

document.addEventListener("live", () => {
  back = false;
  list.live();
  Promise.all([renewList(), renewMap()]).catch(console.error); // at once: somebody waits for it
  soonFigures();
});

// --- begin ---------------------------------------------------------------------------------------------

startClocks();
list.start({ choose, close: leave });
brief.start({ left: leave, acted: everything });
listen({ opened, lost, changed, moved: (event) => here(event) && soonMap() });
// Late, so that a map that cannot be drawn (no WebGL, a file not loaded) takes nothing else along.
map = await import("./duty/map.mjs").then(({ cityMap }) => cityMap(box, { incident: (ref) => choose(ref, false), card })).catch((error) => (console.error(error), null));
if (map) await Promise.all([map.ground(), renewMap()]).catch(console.error);
box.dataset.ready = "1"; // the map shows everything: what tests and screenshots wait for
