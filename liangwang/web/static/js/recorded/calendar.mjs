// A month of days as a table of buttons: those that have a record can be chosen; each says how many incidents it had.

const WEEK = 7;
const iso = (date) => date.toISOString().slice(0, 10);
const utc = (month, day = 1) => new Date(`${month}-${String(day).padStart(2, "0")}T00:00:00Z`);

/** The weeks of a month (2026-11), Monday first: days as 2026-11-01, null outside. */
export function weeks(month) {
  const first = utc(month);
  const lead = (first.getUTCDay() + 6) % WEEK;
  const length = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  const cells = [...Array(lead).fill(null), ...Array.from({ length }, (_, n) => iso(utc(month, n + 1)))];
  while (cells.length % WEEK) cells.push(null);
  return Array.from({ length: cells.length / WEEK }, (_, n) => cells.slice(n * WEEK, (n + 1) * WEEK));
}

/** The month before or after. */
export function beside(month, by) {
  const date = utc(month);
  date.setUTCMonth(date.getUTCMonth() + by);
  return iso(date).slice(0, 7);
}

/** The calendar in a dialog; `pick(day)` is called with what was chosen. */
export function calendar(dialog, { url, lang, words, pick }) {
  const [before, after] = dialog.querySelectorAll("[data-by]");
  const format = (options) => new Intl.DateTimeFormat(lang, { timeZone: "UTC", ...options });
  const names = Array.from({ length: WEEK }, (_, n) => new Date(Date.UTC(2026, 10, 2 + n)));
  let month = "", chosen = "";

  dialog.querySelector("thead").innerHTML = `<tr>${names.map((day) => `<th scope="col">${format({ weekday: "short" }).format(day)}</th>`).join("")}</tr>`;

  function cell(day, found) {
    const box = document.createElement("td");
    if (!day) return box;
    const told = found.days[day];
    const button = Object.assign(document.createElement("button"), { type: "button", disabled: !told });
    const n = told ? words.n.replace("{n}", told.incidents) : words.none;
    button.title = `${format({ month: "long", day: "numeric" }).format(utc(day.slice(0, 7), Number(day.slice(8))))} ${n}`;
    if (day === chosen) button.setAttribute("aria-current", "date");
    button.innerHTML = `<b>${Number(day.slice(8))}</b><small>${told?.incidents || ""}</small>`;
    button.addEventListener("click", () => { dialog.close(); pick(day); });
    box.append(button);
    return box;
  }

  async function show(wanted) {
    month = wanted;
    const answer = await fetch(`${url}?month=${wanted}`);
    if (!answer.ok || month !== wanted) return;
    const found = await answer.json();
    dialog.querySelector("h2").textContent = format({ year: "numeric", month: "long" }).format(utc(wanted));
    before.disabled = wanted <= found.first;
    after.disabled = wanted >= found.today.slice(0, 7);
    dialog.querySelector("tbody").replaceChildren(
      ...weeks(wanted).map((week) => {
        const row = document.createElement("tr");
        row.append(...week.map((day) => cell(day, found)));
        return row;
      }),
    );
  }

  before.addEventListener("click", () => show(beside(month, -1)));
  after.addEventListener("click", () => show(beside(month, 1)));
  return {
    async open(day) {
      chosen = day;
      await show(day.slice(0, 7));
      dialog.showModal();
      dialog.querySelector("[aria-current]")?.focus();
    },
  };
}
