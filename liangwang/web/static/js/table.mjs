// Tables: sort by heading, move with j and k or the arrows, select with x, open with Enter, filter by [data-filter].

const text = (cell) => cell?.dataset.sort ?? cell?.textContent.trim() ?? "";
const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

function sortBy(table, index, heading) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => collator.compare(text(a.cells[index]), text(b.cells[index])) * (down ? -1 : 1));
  table.tBodies[0].append(...rows);
}

function makeHeading(table, heading, index) {
  if (heading.querySelector("input")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  button.insertAdjacentHTML("beforeend", '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true"><path d="m18 15-6-6-6 6"/></svg>');
  heading.append(button);
  heading.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => sortBy(table, index, heading));
}

function move(table, step) {
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const here = rows.indexOf(document.activeElement.closest("tr"));
  rows[Math.max(0, Math.min(rows.length - 1, here + step))]?.focus();
}

function mark(row, on) {
  const box = row.querySelector('input[name="selected"]');
  if (!box) return;
  box.checked = on ?? !box.checked;
  row.setAttribute("aria-selected", String(box.checked));
  row.closest("table").dispatchEvent(new CustomEvent("selection", { bubbles: true }));
}

function keys(table, event) {
  if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
  const row = event.target.closest("tbody tr");
  const act = { j: () => move(table, 1), ArrowDown: () => move(table, 1), k: () => move(table, -1), ArrowUp: () => move(table, -1) };
  if (row === event.target) Object.assign(act, { x: () => mark(row), " ": () => mark(row), Enter: () => row.dataset.href && location.assign(row.dataset.href) });
  if (!act[event.key]) return;
  event.preventDefault();
  act[event.key]();
}

/** Makes one table sortable, walkable and filterable. */
export function enhance(table) {
  // A page of a list that the server orders is not ordered again by itself.
  if (!table.hasAttribute("data-unsorted")) [...table.tHead.rows[0].cells].forEach((heading, index) => makeHeading(table, heading, index));
  [...table.tBodies[0].rows].forEach((row, index) => (row.tabIndex = index ? -1 : 0));
  document.addEventListener("keydown", (event) => {
    if (event.key === "j" && event.target === document.body && !event.defaultPrevented) table.tBodies[0].rows[0]?.focus();
  });
  table.addEventListener("keydown", (event) => keys(table, event));
  table.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) [...table.tBodies[0].rows].forEach((row) => row.hidden || mark(row, event.target.checked));
    else if (event.target.name === "selected") mark(event.target.closest("tr"), event.target.checked);
  });
  const filter = document.querySelector("[data-filter]");
  filter?.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    [...table.tBodies[0].rows].forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
  });
}
