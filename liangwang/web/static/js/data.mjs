// Data desk: keeps a running load in view, filters the overview, takes files by drop, and the keys of the review.

import { toast } from "./page.mjs";

const STOP_POLLING = 286;
const EVERY_MS = 1200;

/** Replaces the part that loads; when nothing loads any more the page's main is fetched anew. */
async function poll(box) {
  const answer = await fetch(box.dataset.poll, { headers: { "X-Requested-With": "fetch" } });
  if (answer.status === STOP_POLLING) return renew();
  if (answer.ok) box.innerHTML = await answer.text();
  setTimeout(() => poll(box).catch(() => setTimeout(() => poll(box), EVERY_MS * 5)), EVERY_MS);
}

async function renew() {
  const text = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  document.querySelector("main").replaceWith(document.adoptNode(fresh));
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
  document.querySelectorAll("[data-poll]").forEach((box) => setTimeout(() => poll(box), EVERY_MS));
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
