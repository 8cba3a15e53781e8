// Data desk: keeps a running load in view, filters the overview, takes files by drop, and the keys of the review.

import { enliven, toast } from "./page.mjs";

const STOP_POLLING = 286;
const EVERY_MS = 1200;

/** Replaces the part that loads, when it changed; when nothing loads any more the page's main is fetched anew. */
async function poll(box, before = "") {
  let [shown, wait] = [before, EVERY_MS];
  try {
    const answer = await fetch(box.dataset.poll);
    if (answer.redirected) return location.reload(); // signed out meanwhile
    if (answer.status === STOP_POLLING) return await renew();
    const text = answer.ok ? await answer.text() : shown;
    if (text !== shown) box.innerHTML = shown = text;
  } catch {
    wait *= 5; // the network is away
  }
  setTimeout(poll, wait, box, shown);
}

async function renew() {
  const text = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  document.querySelector("main").replaceWith(document.adoptNode(fresh));
  enliven(fresh);
  start();
}

function filterRows(input, table) {
  const wanted = input.value.trim().toLowerCase();
  for (const body of table.tBodies) {
    const group = body.querySelector("th[scope=rowgroup]")?.textContent.toLowerCase() ?? "";
    const found = [...body.rows].some((row) => row.textContent.toLowerCase().includes(wanted));
    body.hidden = !(found || group.includes(wanted));
  }
}

function start() {
  document.querySelectorAll("[data-poll]").forEach((box) => setTimeout(poll, EVERY_MS, box));
  const input = document.querySelector("[data-filter]");
  const table = document.querySelector("[data-rows]");
  if (input && table) input.addEventListener("input", () => filterRows(input, table));
  document.querySelectorAll("[data-drop]").forEach(takesDrops);
}

/** A form with one file field: a file dropped on it is sent at once, and the field stays for those who choose. */
function takesDrops(form) {
  const field = form.querySelector("input[type=file]");
  const over = (on) => form.classList.toggle("over", on);
  form.addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  form.addEventListener("dragleave", () => over(false));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    if (event.dataTransfer.files.length !== 1) return toast(form.dataset.one);
    field.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  field.addEventListener("change", () => field.files.length && form.requestSubmit());
}

start();
