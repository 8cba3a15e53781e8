// A rule's draft: its mistakes while one types, the ladder only where it is chosen, a trial's progress.

const WAIT_MS = 350;
const POLL_MS = 1500;
const OVER = 286;

const form = document.querySelector("[data-check]");
let timer = 0;

async function check() {
  const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form) });
  if (answer.ok) document.getElementById("problems").innerHTML = await answer.text();
}

form?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => check().catch(() => {}), WAIT_MS);
});

document.getElementById("level")?.addEventListener("change", (event) => {
  document.getElementById("ladder").hidden = event.target.value !== "ladder";
});

async function poll(box) {
  const answer = await fetch(box.dataset.poll).catch(() => null);
  if (answer?.status === OVER) return location.reload();
  if (answer?.ok) box.innerHTML = await answer.text();
  setTimeout(poll, POLL_MS, box);
}

document.querySelectorAll("[data-poll]").forEach((box) => setTimeout(poll, POLL_MS, box));
