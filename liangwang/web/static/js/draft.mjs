// The form of a draft: every answer is saved when it is given, one after another; the server says what stands.

import { enliven } from "./page.mjs";

const form = document.querySelector("form[data-save]");
const sign = document.querySelector("[data-saved]");
const RETRY_MS = 5000;
const PAUSE_MS = 1500;
const waiting = new Map(); // field id -> its wrapper, in the order in which they changed
const dirty = new Set(); // fields that she has typed in since they were last sent
let running = false;
let pause = 0;

const wrapper = (element) => element.closest?.("[data-field]");
const pageOf = (box) => box.closest("[data-page]"); // the form itself, or one part of a form that holds them all
const controls = (box) => [...box.querySelectorAll("input, select, textarea")];

/** What a wrapper holds now, as the form would send it. */
function content(box) {
  const data = new FormData();
  for (const one of controls(box)) {
    if (!one.name || ((one.type === "radio" || one.type === "checkbox") && !one.checked)) continue;
    data.append(one.name, one.value);
  }
  return data;
}

function say(state, time = "") {
  sign.classList.toggle("failed", state === "failed");
  sign.querySelector("span").textContent = `${sign.dataset[state]} ${time}`.trim();
}

async function send(field) {
  const box = form.querySelector(`[data-field="${CSS.escape(field)}"]`);
  if (!box) return;
  dirty.delete(field);
  const data = content(box);
  const before = JSON.stringify([...data]);
  data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  data.append("field", field);
  const part = pageOf(box);
  data.append("page", part.dataset.page);
  data.append("shown", [...part.querySelectorAll("[data-field]")].map((one) => one.dataset.field).join(" "));
  if (box.querySelector(".wrong")) data.append("wrong", "1");
  const answer = await fetch(form.dataset.save, { method: "POST", body: data, keepalive: true, headers: { Accept: "application/json" } });
  if (answer.status === 404 || answer.status === 409) return location.reload();
  if (!answer.ok) throw new Error(answer.statusText);
  take(await answer.json(), before, part);
}

/** Puts into the page what the server answered; what she has typed since stays. */
function take(said, before, part) {
  const box = form.querySelector(`[data-field="${CSS.escape(said.field)}"]`);
  if (box) {
    const version = box.querySelector('input[type="hidden"][name$="~v"]');
    const same = JSON.stringify([...content(box)]) === before;
    version.value = said.version;
    if (said.html && same) swap(box, said.html);
  }
  if (said.fields) renew(part, said.fields);
  say("done", said.saved);
}

/** One field anew: the focus stays, or goes on to the picker that has just appeared. */
function swap(box, html) {
  const focused = box.contains(document.activeElement) ? document.activeElement.id : "";
  const pickers = box.querySelectorAll("select").length;
  box.outerHTML = html;
  const fresh = form.querySelector(`[data-field="${CSS.escape(box.dataset.field)}"]`);
  enliven(fresh);
  if (!focused) return;
  const selects = [...fresh.querySelectorAll("select")];
  const next = selects.length > pickers ? selects.at(-1) : document.getElementById(focused);
  (next ?? fresh.querySelector("input:not([type=hidden])"))?.focus();
}

/** All fields anew, because an answer called some up or made some go; what is being typed elsewhere is put back. */
function renew(part, html) {
  const focused = document.activeElement?.id;
  const typed = new Map();
  for (const field of new Set([...waiting.keys(), ...dirty])) {
    for (const one of controls(form.querySelector(`[data-field="${CSS.escape(field)}"]`) ?? form)) {
      if (one.name && !one.name.endsWith("~v")) typed.set(one.type === "radio" ? `${one.name}=${one.value}` : one.name, one);
    }
  }
  part.querySelector("[data-fields]").innerHTML = html;
  for (const [key, old] of typed) {
    const fresh = [...form.elements].find((one) => (one.type === "radio" ? `${one.name}=${one.value}` : one.name) === key);
    if (fresh && old.type === "radio") fresh.checked = old.checked;
    else if (fresh) fresh.value = old.value;
  }
  if (focused) document.getElementById(focused)?.focus();
}

async function run() {
  if (running) return;
  running = true;
  try {
    while (waiting.size) {
      const [field] = waiting.keys();
      waiting.delete(field);
      say("saving");
      try {
        await send(field);
      } catch {
        waiting.set(field, true);
        say("failed");
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
  } finally {
    running = false;
  }
}

function changed(box) {
  clearTimeout(pause);
  waiting.set(box.dataset.field, true);
  run();
}

form.addEventListener("change", (event) => {
  const box = wrapper(event.target);
  if (!box) return;
  // The boxes of one date, and the lines of one address, are one answer: it is saved when she leaves them, or pauses.
  if (event.target.matches("select, [type=radio], [type=checkbox]")) return changed(box);
  waiting.set(box.dataset.field, true);
});
form.addEventListener("focusout", (event) => {
  const box = wrapper(event.target);
  if (box && waiting.has(box.dataset.field) && !box.contains(event.relatedTarget)) changed(box);
});
form.addEventListener("input", (event) => {
  const box = wrapper(event.target);
  if (!box) return;
  dirty.add(box.dataset.field);
  clearTimeout(pause);
  pause = setTimeout(() => changed(box), PAUSE_MS);
});
// The whole form is about to be sent: nothing more needs saving by itself.
form.addEventListener("submit", () => { clearTimeout(pause); waiting.clear(); });
addEventListener("online", run);
addEventListener("pagehide", () => waiting.size && run());
document.documentElement.classList.add("scripted");
