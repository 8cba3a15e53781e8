// The map of the duty page: quiet things in clusters, everything that moves by difference, ways of crews, a card of the chosen thing.

import { Map as LibreMap, LngLatBounds, NavigationControl, Popup, setWorkerUrl } from "../../npm/maplibre-gl/dist/maplibre-gl.mjs";
import { COLOURS, GROUND, addTo } from "./symbols.mjs";

setWorkerUrl(new URL("../../npm/maplibre-gl/dist/maplibre-gl-worker.mjs", import.meta.url).href);

const EMPTY = { type: "FeatureCollection", features: [] };
const byStatus = ["match", ["get", "status"], ...Object.entries(COLOURS).flat(), "#9fb0c3"];
const role = (name) => ["==", ["get", "role"], name];
const clustered = ["has", "point_count"];
const text = { "text-color": "#eef3f8", "text-halo-color": GROUND, "text-halo-width": 2 };
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

const layers = [
  { id: "ground", type: "background", paint: { "background-color": GROUND } },
  { id: "areas", type: "fill", source: "areas", filter: role("area"), paint: { "fill-color": "#15212e" } },
  { id: "outline-fill", type: "fill", source: "areas", filter: role("outline"), paint: { "fill-color": "#15212e", "fill-opacity": 0.6 } },
  { id: "streets", type: "line", source: "areas", filter: role("street"), paint: { "line-color": "#22344a", "line-width": ["match", ["get", "kind"], 2, 4, 1, 2.4, 1.1] } },
  { id: "borders", type: "line", source: "areas", filter: ["all", role("area"), ["!", ["to-boolean", ["get", "approximate"]]]], paint: { "line-color": "#33496a", "line-width": 1 } },
  { id: "borders-approximate", type: "line", source: "areas", filter: ["all", role("area"), ["to-boolean", ["get", "approximate"]]], paint: { "line-color": "#33496a", "line-width": 1, "line-dasharray": [3, 3] } },
  { id: "outline", type: "line", source: "areas", filter: role("outline"), paint: { "line-color": "#5a7aa8", "line-width": 1.6 } },
  { id: "heaps", type: "circle", source: "things", filter: clustered, paint: { "circle-radius": ["step", ["get", "point_count"], 9, 20, 12, 100, 16, 500, 20], "circle-color": "#22344a", "circle-opacity": 0.85, "circle-stroke-color": "#3d5673", "circle-stroke-width": 1 } },
  { id: "heap-sizes", type: "symbol", source: "things", filter: clustered, layout: { "text-field": ["get", "point_count_abbreviated"], "text-size": 12, "text-allow-overlap": true }, paint: { "text-color": "#b4c2d1" } },
  { id: "things", type: "circle", source: "things", filter: ["!", clustered], paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 2, 15, 5], "circle-color": COLOURS.idle, "circle-stroke-color": GROUND, "circle-stroke-width": 1 } },
  { id: "ways-under", type: "line", source: "ways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": GROUND, "line-width": 8 } },
  { id: "ways", type: "line", source: "ways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": COLOURS.info, "line-width": 4 } },
  // Free crews would cover a whole city: they are drawn from a district's view on.
  ...[["units-free", "idle", 9.8], ["units", "info", 0]].map(([id, status, minzoom]) => ({ id, minzoom, type: "symbol", source: "points", filter: ["all", role("unit"), ["==", ["get", "status"], status]], layout: { "icon-image": ["concat", "unit-", ["get", "status"]], "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.22, 12, 0.36, 15, 0.5], "text-field": ["step", ["zoom"], "", 14, ["get", "name"]], "text-optional": true, "text-size": 12, "text-offset": [0, 1.1], "text-anchor": "top" }, paint: text })),
  { id: "alarms", type: "symbol", source: "points", filter: role("thing"), layout: { "icon-image": ["get", "status"], "icon-allow-overlap": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.18, 15, 0.34] } },
  { id: "halo", type: "circle", source: "points", filter: role("incident"), paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 9, 0, 10, 12, 13, 18], "circle-color": byStatus, "circle-opacity": 0.22 } },
  { id: "names", type: "symbol", source: "areas", filter: role("name"), layout: { "text-field": ["get", "name"], "text-size": 15, "text-padding": 6 }, paint: { "text-color": "#9fb0c3", "text-halo-color": GROUND, "text-halo-width": 1.5 } },
  // From afar the gravest lie on top; near by the most urgent get room for their names first.
  // Above the names, because what is placed later and lies higher keeps its room: a place's name gives way to an incident's.
  { id: "incidents", type: "symbol", source: "points", filter: role("incident"), layout: { "icon-image": ["get", "status"], "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.26, 10, 0.4, 13, 0.5], "icon-allow-overlap": true, "symbol-sort-key": ["step", ["zoom"], ["match", ["get", "status"], "bad", 3, "warn", 2, "watch", 1, 0], 13, ["get", "rank"]], "text-field": ["step", ["zoom"], "", 13, ["get", "name"]], "text-optional": true, "text-size": 15, "text-max-width": 24, "text-variable-anchor": ["left", "right", "top", "bottom"], "text-radial-offset": 1.2, "text-justify": "auto", "text-padding": 4 }, paint: text },
  { id: "counts", type: "symbol", source: "points", filter: role("count"), layout: { "text-field": ["get", "name"], "text-size": 18, "text-offset": [0, 1.3], "text-padding": 2, "text-allow-overlap": true }, paint: text },
  { id: "way-minutes", type: "symbol", source: "ways", layout: { "symbol-placement": "line-center", "text-field": ["get", "said"], "text-rotation-alignment": "viewport", "text-size": 14, "text-allow-overlap": true }, paint: text },
  { id: "chosen", type: "circle", source: "chosen", paint: { "circle-radius": 20, "circle-opacity": 0, "circle-stroke-color": "#ffffff", "circle-stroke-width": 3 } },
];

async function json(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

const pointAt = (coordinates, properties) => ({ type: "Feature", geometry: { type: "Point", coordinates }, properties });

/** What must change so that the points `known` (key → its JSON) become those of a collection; `known` follows. */
export function difference(known, collection) {
  const diff = { add: [], remove: [] };
  const seen = new Set();
  for (const feature of collection.features) {
    const { key } = feature.properties;
    const now = JSON.stringify(feature);
    seen.add(key);
    if (known.get(key) === now) continue;
    if (known.has(key)) diff.remove.push(key); // added again with what it is now
    diff.add.push(feature);
    known.set(key, now);
  }
  for (const key of [...known.keys()].filter((key) => !seen.has(key))) {
    diff.remove.push(key);
    known.delete(key);
  }
  return diff;
}

/** The map in `box`; `on.incident(ref)` when one is clicked, `on.card(box)` when a card has been put on it. */
export async function cityMap(box, on) {
  box.querySelector(".fallback")?.remove();
  const { areas, points, things, thing, bounds, drill, minutes } = box.dataset;
  const [west, south, east, north] = JSON.parse(bounds);
  const source = (more) => ({ type: "geojson", data: EMPTY, ...more });
  const map = new LibreMap({
    container: box,
    style: { version: 8, layers, sources: { areas: source({ data: areas }), things: source({ cluster: true, clusterRadius: 42, clusterMaxZoom: 13 }), points: source({ promoteId: "key" }), ways: source(), chosen: source() } },
    bounds: new LngLatBounds([west, south], [east, north]),
    fitBoundsOptions: { padding: { top: 28, right: 28, bottom: 84, left: 28 } }, // the legend stands at the foot
    attributionControl: false,
    dragRotate: false,
    localIdeographFontFamily: getComputedStyle(document.body).fontFamily,
  });
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  const known = new Map();
  const places = new Map(); // ref of an incident → where it is
  let turn = 0;
  const card = new Popup({ maxWidth: "22rem", className: "card-on-map", offset: 10 });

  async function showCard(number, at) {
    const answer = await fetch((box.dataset.recorded ?? thing).replace("/0/", `/${number}/`));
    if (!answer.ok) return;
    card.setLngLat(at).setHTML(await answer.text()).addTo(map);
    on.card(card.getElement());
  }

  function click({ point, lngLat }) {
    const [hit] = map.queryRenderedFeatures(point, { layers: ["incidents", "alarms", "heaps", "things", "areas"].filter((id) => map.getLayer(id)) });
    if (!hit) return;
    const { layer, properties, geometry } = hit;
    if (layer.id === "incidents") return on.incident(properties.ref);
    if (layer.id === "alarms" || layer.id === "things") return showCard(properties.number, geometry.coordinates);
    if (layer.id === "heaps") return map.easeTo({ center: geometry.coordinates, zoom: map.getZoom() + 2, animate: !still });
    if (drill && lngLat) location.assign(drill.replace("CODE", properties.code));
  }

  map.on("click", click);
  for (const layer of ["incidents", "alarms", "heaps", "things", ...(drill ? ["areas"] : [])]) {
    map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
  }
  await new Promise((ready) => map.on("load", ready));
  addTo(map);

  return {
    map,
    /** Where every thing stands; asked once, the browser keeps it. */
    async ground() {
      const { number, lon, lat } = await json(things);
      await map.getSource("things").setData({ type: "FeatureCollection", features: number.map((n, i) => pointAt([lon[i], lat[i]], { number: n })) });
    },
    /** Puts a collection of points on the map: those of now, or those of a recorded instant. */
    async show(collection) {
      for (const { geometry, properties } of collection.features) if (properties.role === "incident") places.set(properties.ref, geometry.coordinates);
      const diff = difference(known, collection);
      if (diff.add.length || diff.remove.length) await map.getSource("points").updateData(diff);
    },
    fetchPoints: () => json(points),
    /** Rings an incident and draws the ways of its crews; null takes both away. */
    async choose(ref) {
      const mine = ++turn;
      const at = ref && places.get(ref);
      map.getSource("chosen").setData(at ? pointAt(at, {}) : EMPTY);
      if (!ref) return map.getSource("ways").setData(EMPTY);
      if (at && !map.getBounds().contains(at)) map.easeTo({ center: at, animate: !still });
      const ways = await json(`/command/incidents/${ref}/ways`);
      if (mine !== turn) return;
      for (const { properties } of ways.features) properties.said = `${properties.minutes} ${minutes}`;
      map.getSource("ways").setData(ways);
    },
    closeCard: () => card.remove(),
  };
}
