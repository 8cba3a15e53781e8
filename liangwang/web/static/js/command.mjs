// The command screen: draws the city, keeps lists and map live by SSE, and drills down on a click.

import { Map as LibreMap, LngLatBounds, setWorkerUrl } from "../npm/maplibre-gl/dist/maplibre-gl.mjs";

setWorkerUrl(new URL("../npm/maplibre-gl/dist/maplibre-gl-worker.mjs", import.meta.url).href);

const COLOURS = { bad: "#ff6b5e", warn: "#ff9a4d", watch: "#f2c94c", info: "#5aa9ff", idle: "#4d6bd0", ok: "#4cc38a" };
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
  { id: "units", type: "circle", source: "points", filter: role("unit"), paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 8, 1.6, 12, 5, 15, 7], "circle-color": "#0b1118", "circle-stroke-color": COLOURS.info, "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 8, 1, 12, 2] } },
  { id: "halo", type: "circle", source: "points", filter: role("incident"), paint: { "circle-radius": 18, "circle-color": byLevel, "circle-opacity": 0.22 } },
  { id: "incidents", type: "circle", source: "points", filter: role("incident"), paint: { "circle-radius": 8, "circle-color": byLevel, "circle-stroke-color": "#0b1118", "circle-stroke-width": 2 } },
  // Incident names are placed first, so that where there is no room it is a district's name that gives way.
  { id: "names", type: "symbol", source: "areas", filter: role("name"), layout: { "text-field": ["get", "name"], "text-size": 15, "text-padding": 6 }, paint: { "text-color": "#9fb0c3", "text-halo-color": "#0b1118", "text-halo-width": 1.5 } },
  { id: "incident-names", type: "symbol", source: "points", filter: role("incident"), layout: { "text-field": ["get", "name"], "text-size": 16, "text-variable-anchor": ["left", "right", "top", "bottom"], "text-radial-offset": 1.1, "text-justify": "auto", "text-padding": 4, "symbol-sort-key": ["get", "rank"] }, paint: { "text-color": "#eef3f8", "text-halo-color": "#0b1118", "text-halo-width": 2 } },
];

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
  return new Promise((ready) => map.on("load", () => ready(map)));
}

async function renew(map) {
  const fragments = [...document.querySelectorAll("[data-fragment]")].map(async (element) => {
    const answer = await fetch(element.dataset.fragment);
    if (answer.ok) element.innerHTML = await answer.text();
  });
  const points = map ? json(box.dataset.points).then((data) => map.getSource("points").setData(data)) : null;
  await Promise.all([...fragments, points]);
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
  const types = ["case.opened", "case.accepted", "case.closed", "case.rated", "case.level", "case.supervised", "task.ready", "task.assigned", "task.accepted", "task.arrived", "task.reported", "task.done", "task.rework", "task.overdue", "reload"];
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
