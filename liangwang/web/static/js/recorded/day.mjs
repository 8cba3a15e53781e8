// A recorded day as the server told it once: what stood on the board and on the map at any second of it.

const point = (lon, lat, properties) => ({ type: "Feature", geometry: { type: "Point", coordinates: [lon, lat] }, properties });

/** The place of the last row that begins at or before `at`; -1 where none does. Rows begin with their second. */
export function lastAt(rows, at) {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle][0] <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const instant = (day, second) => new Date(Date.parse(day.start) + second * 1000).toISOString();

/** An incident's properties at a second, as the map and the list want them; null while it was not on the board. */
function incidentAt(day, one, at) {
  const state = one.states[lastAt(one.states, at)];
  if (!state || state.length === 1) return null;
  const [, status, word, since, limit] = state;
  const share = limit ? (at - since) / limit : 0;
  return {
    role: "incident", key: `i:${one.ref}`, ref: one.ref, number: one.number, name: one.name, where: one.where, status,
    stage: day.words[word], since: instant(day, since), limit_s: limit, late: share > 1, rank: -Math.round(share * 100) / 100,
    href: one.href, left: limit ? limit - (at - since) : Infinity,
  };
}

/** Where a unit was and what it had in hand. */
function unitAt(day, n, at) {
  const { ref, name, lon, lat, fixes, hands } = day.units;
  const seen = fixes[n]?.[lastAt(fixes[n], at)];
  const hand = hands[n]?.find(([from, to]) => from <= at && (to === null || at < to));
  return point(seen ? seen[1] : lon[n], seen ? seen[2] : lat[n], {
    role: "unit", key: `u:${ref[n]}`, name: name[n], status: hand ? "info" : "idle",
  });
}

const GRAVITY = { info: 0, watch: 1, warn: 2, bad: 3 };

/** Things in alarm at a second, each by the gravest of its signals. */
function alarmsAt(day, at) {
  const { number, from, to, status } = day.alarms;
  const worst = new Map();
  for (let n = 0; n < number.length && from[n] <= at; n++) {
    if (to[n] !== null && at >= to[n]) continue;
    const had = worst.get(number[n]);
    if (had === undefined || GRAVITY[status[n]] > GRAVITY[had]) worst.set(number[n], status[n]);
  }
  return [...worst].map(([n, level]) => point(...day.things[n], { role: "thing", key: `t:${n}`, number: n, status: level }));
}

function counts(day, shown) {
  const found = new Map();
  for (const { one } of shown) found.set(one.below, (found.get(one.below) ?? 0) + 1);
  return day.below
    .filter(([code]) => found.has(code))
    .map(([code, lon, lat]) => point(lon, lat, { role: "count", key: `c:${code}`, code, name: day.count.replace("%(n)d", found.get(code)) }));
}

/** The detail of the event `moment` at a second of the day (docstring of command/shown.points), and its `figures`. */
export function momentOf(day, at) {
  const shown = [];
  for (const one of day.incidents) {
    const told = incidentAt(day, one, at);
    if (told) shown.push({ one, told });
  }
  shown.sort((a, b) => a.told.left - b.told.left);
  const units = day.units.ref.map((_, n) => unitAt(day, n, at));
  const alarms = alarmsAt(day, at);
  const placed = shown.filter(({ one }) => one.lon !== null && one.lat !== null);
  for (const { told } of shown) delete told.left;
  return {
    at: instant(day, at),
    points: {
      type: "FeatureCollection",
      features: [...units, ...alarms, ...counts(day, shown), ...placed.map(({ one, told }) => point(one.lon, one.lat, told))],
    },
    incidents: shown.map(({ told }) => told),
    figures: {
      open: shown.length,
      late: shown.filter(({ told }) => told.late).length,
      opened: day.incidents.filter(({ opened }) => opened >= 0 && opened <= at).length,
      left: day.incidents.filter(({ states }) => states[lastAt(states, at)]?.length === 1).length,
      busy: units.filter(({ properties }) => properties.status === "info").length,
      units: units.length,
      alarms: alarms.length,
    },
  };
}
