// Running clocks: every [data-since] counts on, fills its bar and changes its status with the share of its limit.

const LEVELS = [[0.6, "ok"], [0.85, "watch"], [1, "warn"]];

/** Status of a used share; the same steps as shared/clock_face.py. */
export function levelOf(share) {
  if (share === null) return "info";
  return share > 1 ? "bad" : (LEVELS.find(([limit]) => share < limit) ?? [0, "warn"])[1];
}

const two = (number) => String(number).padStart(2, "0");

/** 3725 → "01:02:05". */
export function spell(seconds) {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function show(element, loadedAt) {
  const { elapsed, limit, left, over } = element.dataset;
  // The server's reading goes on, so a wrong clock of this machine does no harm.
  const seconds = Number(elapsed) + Math.floor((performance.now() - loadedAt) / 1000);
  const share = limit ? seconds / Number(limit) : null;
  const told = left && limit ? `${seconds > limit ? over : left} ${spell(Math.abs(limit - seconds))}` : spell(seconds);
  element.querySelector("time").textContent = told;
  const bar = element.querySelector("progress");
  if (bar) bar.value = Math.min(1, share);
  element.classList.remove("ok", "watch", "warn", "bad", "info");
  element.classList.add(levelOf(share));
}

const starts = new WeakMap();
let running;

/** Shows every clock of the page as it is now. */
export function tick() {
  document.querySelectorAll("[data-since]:not([data-stopped])").forEach((element) => {
    if (!starts.has(element)) starts.set(element, performance.now());
    show(element, starts.get(element));
  });
}

/** Starts the clocks of the page, also of those that arrive later; once. */
export function start() {
  tick();
  running ??= setInterval(tick, 1000);
}
