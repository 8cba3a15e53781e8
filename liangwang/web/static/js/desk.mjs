// The inbox by keyboard: act on the chosen rows or on the one in hand, help, search, next page.

const table = document.querySelector(".desk-table");
const bulk = document.getElementById("bulk");
const help = document.getElementById("keys");
const find = document.getElementById("find");

const boxes = () => [...document.querySelectorAll('.desk-table input[name="selected"]')];
const chosen = () => boxes().filter((box) => box.checked);
const inHand = () => document.activeElement.closest("tbody tr") ?? table?.tBodies[0].rows[0];

function count() {
  const bar = document.querySelector("[data-bulkbar]");
  if (!bar) return;
  const n = chosen().length;
  bar.classList.toggle("some", n > 0);
  const said = bar.querySelector("[data-chosen]");
  said.textContent = n ? `${said.dataset.chosen} ${n}` : "";
}

/** Sends the chosen rows, or else the row in hand, to the preview of an act. */
function act(letter) {
  const button = document.querySelector(`[data-bulk="${letter}"]`);
  if (!button) return;
  if (!chosen().length) {
    const box = inHand()?.querySelector('input[name="selected"]');
    if (!box) return;
    box.checked = true;
  }
  bulk.requestSubmit(button);
}

const KEYS = {
  a: () => act("a"),
  t: () => act("t"),
  g: () => act("g"),
  s: () => act("s"),
  n: () => document.querySelector(".pager .button")?.click(),
  j: () => table?.tBodies[0].rows[0].focus(),
  "/": () => find?.focus(),
  "?": () => help?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) return;
  const wanted = KEYS[event.key];
  if (!wanted) return;
  event.preventDefault();
  wanted();
});
document.querySelectorAll("[data-submit]").forEach((field) => field.addEventListener("change", () => field.form.requestSubmit()));
document.querySelector("[data-help-keys]")?.addEventListener("click", () => help.showModal());
document.addEventListener("selection", count);
window.addEventListener("pageshow", count);
count();
