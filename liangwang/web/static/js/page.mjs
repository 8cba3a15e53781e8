// Every page: toasts, focus, printing, no double submit, letter keys; loads the rest only where a page needs it.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Shows a short message at the bottom; it leaves by itself. */
export function toast(text) {
  const box = document.querySelector(".toasts");
  if (!box) return;
  const item = document.createElement("div");
  item.className = "toast";
  item.setAttribute("role", "status");
  item.textContent = text;
  box.append(item);
  setTimeout(() => item.remove(), 6000);
}

function focusFirstError() {
  document.querySelector("[data-focus]")?.focus();
}

function letterKeys(event) {
  // A ticked box takes no letters: the next key may already be the button's.
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select")) return;
  const wanted = event.key.toUpperCase();
  const target = all("[data-key]").find((element) => element.dataset.key.toUpperCase() === wanted && element.offsetParent);
  if (!target) return;
  event.preventDefault();
  target.click();
}

// A second click within ten seconds sends nothing; the server's idempotency key stays the real guard.
function onceOnly(event) {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("data-again")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 10000);
}

function readAloud(button) {
  if (!("speechSynthesis" in window)) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    speechSynthesis.cancel();
    const speech = new SpeechSynthesisUtterance(document.querySelector("main").innerText);
    speech.lang = document.documentElement.lang;
    speech.rate = 0.9;
    speechSynthesis.speak(speech);
  });
}

function wallClock(element) {
  const lang = element.dataset.now || "zh-CN";
  const date = new Intl.DateTimeFormat(lang, { month: "long", day: "numeric", weekday: "short", timeZone: "Asia/Shanghai" });
  const time = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: "Asia/Shanghai" });
  const offset = element.dataset.at ? Date.parse(element.dataset.at) - Date.now() : 0;
  const tick = () => {
    const now = new Date(Date.now() + offset);
    element.textContent = `${date.format(now)}　${time.format(now)}`;
  };
  tick();
  setInterval(tick, 1000);
}

/** Brings copy buttons and sortable tables to life; called again for what a page fetches later. */
export function enliven(root) {
  all("[data-copy]", root).forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      toast(button.dataset.done);
    });
  });
  const tables = all("[data-table]", root);
  if (tables.length) import("./table.mjs").then((module) => tables.forEach(module.enhance));
}

focusFirstError();
enliven(document);
document.addEventListener("keydown", letterKeys);
document.addEventListener("submit", onceOnly);
window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));
document.addEventListener("click", (event) => all("details.menu[open]").forEach((menu) => menu.contains(event.target) || (menu.open = false)));
document.addEventListener("keydown", (event) => event.key === "Escape" && all("details.menu[open]").forEach((menu) => (menu.open = false)));
all("[data-toast]").forEach((item) => setTimeout(() => item.remove(), 8000));
all("[data-print]").forEach((button) => { button.hidden = false; button.addEventListener("click", () => print()); });
all("[data-read-aloud]").forEach(readAloud);
all("[data-now]").forEach(wallClock);
if (document.querySelector("[data-since]")) import("./clock.mjs").then((module) => module.start());
if (document.querySelector("[data-find]")) import("./find.mjs").then((module) => all("[data-find]").forEach(module.start));
if (document.querySelector("[data-map]")) import("./map.mjs").then((module) => all("[data-map]").forEach(module.draw));
