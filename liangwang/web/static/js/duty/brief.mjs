// The chosen incident in brief: its acts are the forms of its own page, sent from here and answered here.

import { enliven, toast } from "../page.mjs";

const box = document.getElementById("brief");
const panels = document.getElementById("panels");
let ref = null;
let asked = 0;

/** Whether somebody is writing in it: then nothing is taken away from under the hand. */
function inUse() {
  const fields = [...box.querySelectorAll("textarea, input[type=text], input[type=date], input[type=file]")];
  return Boolean(box.querySelector("details[open]")) || fields.some((field) => field.value) || box.querySelector("input:checked") !== null;
}

function put(html) {
  const top = box.querySelector(".scrolls")?.scrollTop ?? 0;
  const inside = box.contains(document.activeElement);
  box.innerHTML = html;
  enliven(box);
  box.querySelector(".scrolls")?.scrollTo(0, top);
  if (inside) box.focus({ preventScroll: true });
}

export const chosen = () => ref;

/** Shows an incident; with `enter` the keyboard goes there too. */
export async function open(wanted, enter) {
  box.inert = wanted !== ref; // what stands there is about another incident: no letter may act on it
  ref = wanted;
  const turn = ++asked;
  const answer = await fetch(`/command/incidents/${wanted}/brief`).catch(() => null);
  if (turn !== asked) return;
  if (!answer?.ok) return toast(box.dataset.failed);
  const html = await answer.text();
  if (turn !== asked) return;
  put(html);
  box.inert = false;
  box.hidden = false;
  panels.classList.add("away");
  if (enter) box.focus();
}

/** Reads it again after something happened; what is being written stays, and a line says that there is news. */
export async function renew() {
  if (!ref) return;
  if (!inUse()) return open(ref, false);
  if (box.querySelector(".news")) return;
  const line = Object.assign(document.createElement("p"), { className: "note info news" });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button quiet small", textContent: box.dataset.renew });
  button.addEventListener("click", () => open(ref, true));
  line.append(`${box.dataset.said} `, button);
  line.setAttribute("role", "status");
  box.querySelector("article").prepend(line);
}

/** Takes it away; the figures of the place come back. */
export function close() {
  ref = null;
  asked += 1;
  box.inert = false;
  box.hidden = true;
  box.textContent = "";
  panels.classList.remove("away");
}

async function send(form, button) {
  const data = new FormData(form, button);
  const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Part": "brief" } }).catch(() => null);
  delete form.dataset.sent;
  if (answer?.headers.get("X-Part") !== "brief") return toast(box.dataset.failed);
  put(await answer.text());
  box.focus({ preventScroll: true });
  const said = box.querySelector("[role=status]");
  if (said) toast(said.textContent);
}

/** Brings it to life; `left()` is called when it is closed, `acted()` after an act. */
export function start({ left, acted }) {
  box.addEventListener("click", (event) => event.target.closest("[data-close]") && left());
  box.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    event.preventDefault();
    send(event.target, event.submitter).then(acted);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "o" && ref && !event.target.closest("input, textarea, select")) location.assign(`/command/incidents/${ref}/`);
  });
}
