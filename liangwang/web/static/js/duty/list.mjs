// The list of incidents: filters without a new page, choosing by mouse and keys, a recorded instant in place of now.

import { spell } from "../clock.mjs";

const box = document.getElementById("feed");
const form = document.getElementById("find");
let chosen = null;
let recordedAt = null; // the instant whose rows stand in place of those of now

const rows = () => [...box.querySelectorAll(".incident[data-ref]")];
const row = (ref) => box.querySelector(`.incident[data-ref="${CSS.escape(ref)}"]`);

/** Puts new content in place; what had the keyboard's focus keeps it, and a place scrolled to stays. */
export function replace(element, html) {
  const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const scrolling = () => element.querySelector(".cards, .grow");
  const top = scrolling()?.scrollTop ?? 0;
  element.innerHTML = html;
  if (focused) element.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  scrolling()?.scrollTo(0, top);
}

/** Marks the chosen row; with `into` it is brought into sight. */
export function mark(ref, into = false) {
  chosen = ref;
  for (const item of rows()) {
    const here = item.dataset.ref === ref;
    item.toggleAttribute("data-chosen", here);
    if (here) item.querySelector("a").setAttribute("aria-current", "true");
    else item.querySelector("a").removeAttribute("aria-current");
  }
  if (into && ref) row(ref)?.scrollIntoView({ block: "nearest" });
}

/** Reads the list again as it is asked for in the address of the page. */
export async function renew() {
  const before = new Set(rows().map((item) => item.dataset.ref));
  const { search } = location;
  const answer = await fetch(box.dataset.fragment + search);
  const html = await answer.text();
  if (!answer.ok || search !== location.search || recordedAt) return; // something else is wanted meanwhile
  replace(box, html);
  mark(chosen);
  const fresh = rows().filter((item) => item.classList.contains("new") && !before.has(item.dataset.ref));
  const said = document.getElementById("said");
  if (fresh.length) said.textContent = `${said.dataset.new}: ${fresh.map((item) => item.querySelector("h3").innerText).join(", ")}`;
}

/** Goes back to the rows of now, which the next `renew` reads. */
export const live = () => (recordedAt = null);

function ask(query) {
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  return renew();
}

/** Takes the rows of a recorded instant: {at, incidents} as in the `moment` event. */
export function recorded({ at, incidents }) {
  recordedAt = at;
  const list = document.createElement("ol");
  list.className = "cards";
  for (const one of incidents) {
    const item = document.getElementById("past-row").content.cloneNode(true).firstElementChild;
    const icon = document.querySelector(`.legend .${CSS.escape(one.status)} .icon`);
    const used = (Date.parse(at) - Date.parse(one.since)) / 1000;
    item.classList.add(one.status);
    item.dataset.ref = one.ref;
    item.querySelector("a").href = one.href;
    item.querySelector("h3 span").textContent = one.name;
    if (icon) item.querySelector("h3").prepend(icon.cloneNode(true));
    item.querySelector(".where").textContent = `${one.where} · ${one.number}`;
    item.querySelector(".running span").textContent = one.stage;
    item.querySelector(".running").classList.add(one.late ? "bad" : "info");
    item.querySelector("time").textContent = spell(Math.max(0, Math.floor(used)));
    list.append(item);
  }
  box.querySelector(".cards")?.replaceWith(list);
  mark(chosen);
}

/** Moves the choice by a number of rows. */
function step(by, choose) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((item) => item.dataset.ref === chosen);
  const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? 0 : here + by))];
  mark(next.dataset.ref, true);
  next.querySelector("a").focus({ preventScroll: true });
  choose(next.dataset.ref);
}

/** Brings the list to life; `choose(ref, enter)` is called with what was picked, `close()` on Escape. */
export function start({ choose, close }) {
  let waiting;
  const soonChoose = (ref) => { clearTimeout(waiting); waiting = setTimeout(() => choose(ref, false), 180); };
  const dialog = document.getElementById("keys");
  const open = document.getElementById("keys-open");
  open.hidden = false;
  open.addEventListener("click", () => dialog.showModal());
  box.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const link = event.target.closest("a");
    const item = link?.closest(".incident[data-ref]");
    if (item) { event.preventDefault(); choose(item.dataset.ref, event.detail === 0); }
    if (link?.matches("[data-show], [data-more]")) {
      event.preventDefault();
      const query = new URL(link.href).search.slice(1);
      if (link.dataset.show) form.show.value = link.dataset.show;
      ask(query);
    }
  });
  let typing;
  const find = () => {
    const wanted = new URLSearchParams([...new FormData(form)].filter(([name, value]) => value && !(name === "show" && value === "open")));
    return ask(wanted.toString());
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); find(); });
  form.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(find, 250); });
  addEventListener("keydown", (event) => keys(event, { soonChoose, choose, close, dialog }), { capture: true });
}

function keys(event, { soonChoose, choose, close, dialog }) {
  const typing = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  if (event.key === "Escape" && !document.querySelector("details.menu[open]")) {
    if (typing && form.contains(typing)) {
      event.preventDefault(); // or a browser empties the field, and says so to nobody
      return typing.blur();
    }
    return close();
  }
  // Inside the brief every letter is a button's, and so it is while something is written.
  if (typing || event.target.closest?.("#brief, .maplibregl-map")) return;
  const does = {
    j: () => step(1, soonChoose),
    k: () => step(-1, soonChoose),
    "/": () => form.q.select(),
    "?": () => dialog.showModal(),
    o: () => chosen && location.assign(row(chosen)?.querySelector("a").href ?? `/command/incidents/${chosen}/`),
    Enter: () => chosen && choose(chosen, true),
  }[event.key];
  if (!does || (event.key === "Enter" && event.target.closest?.("a, button, summary") && !event.target.closest(".incident"))) return;
  event.preventDefault();
  event.stopPropagation();
  does();
}
