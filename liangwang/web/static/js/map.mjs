// Maps: MapLibre over our own GeoJSON; no tiles, no glyph server, no outside host. Labels are drawn from local fonts.

import { Map as LibreMap, Marker, NavigationControl, setWorkerUrl } from "../npm/maplibre-gl/dist/maplibre-gl.mjs";

setWorkerUrl(new URL("../npm/maplibre-gl/dist/maplibre-gl-worker.mjs", import.meta.url).href);

if (!document.querySelector('link[href*="maplibre-gl.css"]')) {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = new URL("../npm/maplibre-gl/dist/maplibre-gl.css", import.meta.url).href;
  document.head.append(sheet);
}

const LIGHT = { ground: "#eef1f4", area: "#ffffff", line: "#b9c2cc", text: "#46525f", halo: "#ffffff" };
const DARK = { ground: "#0b1118", area: "#14202d", line: "#2f4560", text: "#9fb0c3", halo: "#0b1118" };
export const LEVELS = { ok: "#1a7f4b", watch: "#f2c230", warn: "#d65a12", bad: "#c62f26", info: "#1b62b8", idle: "#6b7785" };

/** The style for areas (polygons with `name`), lines and points (with `level` and `name`) of one GeoJSON source. */
export function style(source, dark) {
  const c = dark ? DARK : LIGHT;
  const level = ["match", ["get", "level"], ...Object.entries(LEVELS).flat(), c.text];
  const of = (type) => ["==", ["geometry-type"], type];
  return {
    version: 8,
    sources: { things: { type: "geojson", data: source } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": c.ground } },
      { id: "areas", type: "fill", source: "things", filter: of("Polygon"), paint: { "fill-color": c.area } },
      { id: "borders", type: "line", source: "things", filter: of("Polygon"), paint: { "line-color": c.line, "line-width": 1.2 } },
      { id: "lines", type: "line", source: "things", filter: of("LineString"), paint: { "line-color": c.line, "line-width": 2 } },
      { id: "closed", type: "fill", source: "things", filter: ["==", ["get", "role"], "closed"], paint: { "fill-color": LEVELS.bad, "fill-opacity": 0.45 } },
      { id: "closed-edge", type: "line", source: "things", filter: ["==", ["get", "role"], "closed"], paint: { "line-color": LEVELS.bad, "line-width": 2.5, "line-dasharray": [2, 1] } },
      { id: "ways", type: "line", source: "things", filter: ["==", ["get", "role"], "way"], layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": LEVELS.info, "line-width": 5 } },
      { id: "points", type: "circle", source: "things", filter: ["all", of("Point"), ["!=", ["get", "role"], "name"]], paint: { "circle-radius": 7, "circle-color": level, "circle-stroke-color": c.halo, "circle-stroke-width": 2 } },
      { id: "names", type: "symbol", source: "things", layout: { "text-field": ["get", "name"], "text-size": 13, "text-offset": [0, 1.1], "text-anchor": "top" }, paint: { "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1.5 } },
    ],
  };
}

/** Draws one [data-map]; with data-pick, a click puts a pin and fills `<pick>_lon` and `<pick>_lat`; with data-trace, it adds a line to that field. */
export function draw(element) {
  const { source, lon, lat, zoom, pick, trace } = element.dataset;
  element.querySelector(".fallback")?.remove();
  const dark = Boolean(element.closest(".dark"));
  const empty = { type: "FeatureCollection", features: [] };
  const map = new LibreMap({ container: element, style: style(source || empty, dark), center: [Number(lon), Number(lat)], zoom: Number(zoom), attributionControl: false, dragRotate: false });
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  if (trace) return tracePoints(map, trace);
  if (!pick) {
    new Marker({ color: "#2f3e9e" }).setLngLat([Number(lon), Number(lat)]).addTo(map);
    map.once("idle", () => showWays(map, [Number(lon), Number(lat)]));
  }
  else pickPoint(map, pick);
  return map;
}

/** Widens the view until whole ways are in it. */
function showWays(map, point) {
  const ways = map.getSource("things")?.serialize().data;
  const seen = (data) => {
    const at = data.features.filter((one) => one.properties.role === "way").flatMap((one) => one.geometry.coordinates);
    if (!at.length) return;
    const [lon, lat] = [0, 1].map((n) => [...at, point].map((one) => one[n]));
    map.fitBounds([[Math.min(...lon), Math.min(...lat)], [Math.max(...lon), Math.max(...lat)]], { padding: 36, maxZoom: 15, animate: false });
  };
  if (typeof ways === "string") fetch(ways).then((answer) => answer.json()).then(seen, () => undefined);
  else if (ways) seen(ways);
}

function pickPoint(map, pick) {
  let pin;
  map.on("click", ({ lngLat }) => {
    pin = (pin ?? new Marker({ color: "#2f3e9e" })).setLngLat(lngLat).addTo(map);
    document.querySelector(`[name="${pick}_lon"]`).value = lngLat.lng.toFixed(6);
    document.querySelector(`[name="${pick}_lat"]`).value = lngLat.lat.toFixed(6);
  });
}

/** Clicks add "lon,lat" lines to a field; what stands there is drawn, whoever wrote it. */
function tracePoints(map, name) {
  const box = document.querySelector(`[name="${name}"]`);
  const points = () => box.value.split("\n").map((line) => line.split(/[,，\s]+/).filter(Boolean).map(Number)).filter((p) => p.length === 2 && p.every(Number.isFinite));
  const shape = () => {
    const at = points();
    const filled = document.querySelector('[name="shape"]:checked')?.value === "area" && at.length > 2;
    const geometry = filled ? { type: "Polygon", coordinates: [[...at, at[0]]] } : { type: "LineString", coordinates: at };
    const dots = at.map((coordinates) => ({ type: "Feature", geometry: { type: "Point", coordinates }, properties: {} }));
    return { type: "FeatureCollection", features: at.length ? [{ type: "Feature", geometry, properties: {} }, ...dots] : [] };
  };
  if (!box) return map;
  const redraw = () => map.getSource("traced")?.setData(shape());
  map.on("load", () => {
    map.addSource("traced", { type: "geojson", data: shape() });
    map.addLayer({ id: "traced", type: "line", source: "traced", paint: { "line-color": LEVELS.warn, "line-width": 5 } });
    map.addLayer({ id: "traced-dots", type: "circle", source: "traced", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 5, "circle-color": LEVELS.warn, "circle-stroke-color": "#fff", "circle-stroke-width": 1.5 } });
  });
  map.on("click", ({ lngLat }) => {
    box.value = `${box.value.trimEnd()}\n${lngLat.lng.toFixed(6)},${lngLat.lat.toFixed(6)}`.trimStart();
    redraw();
  });
  box.addEventListener("input", redraw);
  document.querySelectorAll('[name="shape"]').forEach((one) => one.addEventListener("change", redraw));
  return map;
}
