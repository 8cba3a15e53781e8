// The command screen: draws the city, keeps lists and map live by SSE, and drills down on a click.

import { Map as LibreMap, LngLatBounds, setWorkerUrl } from "../npm/maplibre-gl/dist/maplibre-gl.mjs";

setWorkerUrl(new URL("../npm/maplibre-gl/dist/maplibre-gl-worker.mjs", import.meta.url).href);

const COLOURS = { bad: "#ff6b5e", warn: "#ff9a4d", watch: "#f2c94c", info: "#5aa9ff", idle: "#5d7590", ok: "#4cc38a" };
const GROUND = "#0b1118";
const byLevel = ["match", ["get", "status"], ...Object.entries(COLOURS).flat(), "#9fb0c3"];
const role = (name) => ["==", ["get", "role"], name];
const EMPTY = { type: "FeatureCollection", features: [] };
const box = document.getElementById("city-map");

const layers = [
  { id: "ground", type: "background", paint: { "background-color": "#0b1118" } },
  { id: "areas", type: "fill", source: "areas", filter: role("area"), paint: { "fill-color": "#15212e" } },
  { id: "outline-fill", type: "fill", source: "areas", filter: role("outline"), paint: { "fill-color": "#15212e", "fill-opacity": 0.6 } },
  { id: "streets", type: "line", source: "areas", filter: role("street"), paint: { "line-color": "#22344a", "line-width": ["match", ["get", "kind"], 2, 4, 1, 2.4, 1.1] } },
  { id: "borders", type: "line", source: "areas", filter: ["all", role("area"), ["!", ["to-boolean", ["get", "approximate"]]]], paint: { "line-color": "#33496a", "line-width": 1 } },
  { id: "borders-approximate", type: "line", source: "areas", filter: ["all", role("area"), ["to-boolean", ["get", "approximate"]]], paint: { "line-color": "#33496a", "line-width": 1, "line-dasharray": [3, 3] } },
  { id: "outline", type: "line", source: "areas", filter: role("outline"), paint: { "line-color": "#5a7aa8", "line-width": 1.6 } },
  { id: "things", type: "circle", source: "points", filter: role("thing"), paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 8, 1, 12, 2, 15, 4], "circle-color": byLevel, "circle-opacity": 0.75 } },
  { id: "units", type: "symbol", source: "points", filter: role("unit"), layout: { "icon-image": "unit", "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.2, 12, 0.35, 15, 0.5] } },
  { id: "halo", type: "circle", source: "points", filter: role("incident"), paint: { "circle-radius": 18, "circle-color": byLevel, "circle-opacity": 0.22 } },
  { id: "names", type: "symbol", source: "areas", filter: role("name"), layout: { "text-field": ["get", "name"], "text-size": 15, "text-padding": 6 }, paint: { "text-color": "#9fb0c3", "text-halo-color": GROUND, "text-halo-width": 1.5 } },
  // Above the names, because what is placed later and lies higher keeps its room: a place's name gives way to an incident's.
  { id: "incidents", type: "symbol", source: "points", filter: role("incident"), layout: { "icon-image": ["get", "status"], "icon-size": 0.5, "icon-allow-overlap": true, "symbol-sort-key": ["get", "rank"], "text-field": ["get", "name"], "text-optional": true, "text-size": 16, "text-max-width": 24, "text-variable-anchor": ["left", "right", "top", "bottom"], "text-radial-offset": 1.2, "text-justify": "auto", "text-padding": 4 }, paint: { "text-color": "#eef3f8", "text-halo-color": GROUND, "text-halo-width": 2 } },
  { id: "counts", type: "symbol", source: "points", filter: role("count"), layout: { "text-field": ["get", "name"], "text-size": 18, "text-offset": [0, 1.3], "text-padding": 2, "text-allow-overlap": true }, paint: { "text-color": "#eef3f8", "text-halo-color": GROUND, "text-halo-width": 2 } },
];

// Shape and colour together, the same as in the legend: octagon, diamond, triangle, circle; a crew is an open square.
const CORNERS = { bad: [8, Math.PI / 8], warn: [4, 0], watch: [3, -Math.PI / 2], info: [24, 0], unit: [4, Math.PI / 4] };

/** One symbol as pixels, 48 × 48. */
function symbol(name) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 48, height: 48 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const [corners, turn] = CORNERS[name];
  const radius = name === "watch" ? 21 : 18;
  pen.beginPath();
  for (let i = 0; i < corners; i++) {
    const angle = turn + (2 * Math.PI * i) / corners;
    pen.lineTo(24 + radius * Math.cos(angle), 24 + radius * Math.sin(angle));
  }
  pen.closePath();
  pen.lineJoin = "round";
  pen.lineWidth = 5;
  pen.fillStyle = name === "unit" ? GROUND : COLOURS[name];
  pen.strokeStyle = name === "unit" ? COLOURS.info : GROUND;
  pen.fill();
  pen.stroke();
  return pen.getImageData(0, 0, 48, 48);
}

async function json(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

function drawMap() {
  box.querySelector(".fallback")?.remove();
  const [west, south, east, north] = JSON.parse(box.dataset.bounds);
  const map = new LibreMap({
    container: box,
    style: { version: 8, sources: { areas: { type: "geojson", data: box.dataset.areas }, points: { type: "geojson", data: EMPTY } }, layers },
    bounds: new LngLatBounds([west, south], [east, north]),
    fitBoundsOptions: { padding: 28 },
    attributionControl: false,
    dragRotate: false,
    localIdeographFontFamily: getComputedStyle(document.body).fontFamily,
  });
  map.on("click", "incidents", ({ features }) => location.assign(features[0].properties.href));
  map.on("click", "areas", ({ features, point }) => {
    if (map.queryRenderedFeatures(point, { layers: ["incidents"] }).length) return;
    if (box.dataset.drill) location.assign(box.dataset.drill.replace("CODE", features[0].properties.code));
  });
  for (const layer of ["incidents", "areas"]) {
    map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
  }
  return new Promise((ready) =>
    map.on("load", () => {
      for (const name of Object.keys(CORNERS)) map.addImage(name, symbol(name));
      ready(map);
    }),
  );
}

const refs = () => new Set([...document.querySelectorAll(".incident")].map((card) => card.dataset.ref));

/** Puts new content in place; what had the keyboard's focus keeps it, and a place scrolled to stays. */
function replace(element, html) {
  const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const scrolled = element.querySelector(".grow")?.scrollTop ?? 0;
  element.innerHTML = html;
  if (focused) element.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  element.querySelector(".grow")?.scrollTo(0, scrolled);
}

/** Tells a screen reader what is new, and only that. */
function announce(before) {
  const fresh = [...document.querySelectorAll(".incident")].filter((card) => !before.has(card.dataset.ref));
  const said = document.getElementById("said");
  if (fresh.length) said.textContent = `${said.dataset.new}: ${fresh.map((card) => card.querySelector("h3").innerText).join(", ")}`;
}

async function renew(map) {
  const before = refs();
  const fragments = [...document.querySelectorAll("[data-fragment]")].map(async (element) => {
    const answer = await fetch(element.dataset.fragment);
    if (answer.ok) replace(element, await answer.text());
  });
  const points = map ? json(box.dataset.points).then((data) => map.getSource("points").setData(data)) : null;
  await Promise.all([...fragments, points]);
  announce(before);
  (await import("./clock.mjs")).tick?.();
}

/** Calls `work` soon, once for a burst of calls, and never twice at the same time. */
function soon(work, wait) {
  let timer, running = false, again = false;
  const run = async () => {
    timer = undefined;
    if (running) return (again = true);
    running = true;
    await work().catch(console.error);
    running = false;
    if (again) { again = false; call(); }
  };
  const call = () => (timer ??= setTimeout(run, wait));
  return call;
}

function listen(changed) {
  const events = new EventSource("/events?topics=case,task");
  const show = (fresh) => {
    const dot = document.getElementById("live");
    if (!dot) return;
    dot.classList.toggle("stale", !fresh);
    dot.textContent = fresh ? dot.dataset.live : dot.dataset.stale;
  };
  const types = ["case.opened", "case.accepted", "case.closed", "case.rated", "case.level", "case.supervised", "task.ready", "task.assigned", "task.accepted", "task.arrived", "task.reported", "task.done", "task.failed", "task.declined", "task.supervised", "task.overdue", "reload"];
  types.forEach((type) => events.addEventListener(type, changed));
  events.addEventListener("open", () => show(true));
  events.addEventListener("error", () => show(false));
  events.addEventListener("signed-out", () => location.reload());
}

const map = await drawMap().catch((error) => (console.error(error), null));
await renew(map);
const changed = soon(() => renew(map), 400);
listen(changed);
setInterval(changed, 30000);
