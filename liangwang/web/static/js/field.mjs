// Field pages: where a photo was taken, what is done goes through the ordered queue, and what is typed is kept meanwhile.

import * as queue from "./field/queue.mjs";

function locate(form) {
  navigator.geolocation?.getCurrentPosition(
    ({ coords }) => {
      form.elements.lon.value = coords.longitude.toFixed(6);
      form.elements.lat.value = coords.latitude.toFixed(6);
    },
    () => {}, // a photo without a place is still a photo; the page shows that the place is missing
    { enableHighAccuracy: true, timeout: 8000, maximumAge: 60000 },
  );
}

document.querySelectorAll("form[data-locate]").forEach(locate);
document.querySelectorAll("form[data-auto] input[type=file]").forEach((input) =>
  input.addEventListener("change", () => input.files.length && input.form.requestSubmit()),
);
document.querySelectorAll("form[data-auto] .button").forEach((button) => (button.hidden = true)); // a chosen photo sends itself

// Sending a photo loads the page anew: what stands in the report's note stays, until it is handed in.
document.querySelectorAll("form[data-keep]").forEach((form) => {
  const key = `note:${form.dataset.keep}`;
  const note = form.elements.note;
  note.value ||= sessionStorage.getItem(key) ?? "";
  note.addEventListener("input", () => sessionStorage.setItem(key, note.value));
});

const box = document.querySelector("[data-waiting]");
const owner = box?.dataset.owner ?? "";
const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
const AFTER = { accept: "accepted", arrive: "arrived", report: "reported", decline: "reported" };

/** The step that comes after what waits in the queue is shown, so that the work goes on without a signal. */
function showStage(acts) {
  const here = acts.filter((act) => act.task === box.dataset.task && !act.refused);
  const stage = here.reduce((now, act) => AFTER[act.act] ?? now, null);
  if (stage) document.querySelectorAll("[data-stage]").forEach((part) => (part.hidden = !part.dataset.stage.split(" ").includes(stage)));
  for (const { act, fields } of here) {
    const kind = act === "photo" && fields.find(([name]) => name === "kind")?.[1];
    const mark = kind && document.querySelector(`[data-kept="${kind}"]`);
    if (mark) mark.hidden = false;
  }
}

/** What was typed and photographed stays readable beside a refusal; a photo can be saved from there. */
function showKept(row, act) {
  const typed = act.fields.filter(([name, value]) => /note|reply/.test(name) && value).map(([, value]) => value).join(" ");
  const photos = act.fields.filter(([, value]) => value instanceof Blob && value.size);
  row.querySelector("[data-typed]").textContent = typed;
  row.querySelector("[data-typed]").hidden = !typed;
  row.querySelector("[data-photos]").hidden = !photos.length;
  row.querySelector("[data-photos]").append(
    ...photos.map(([, file]) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = file.name || "photo.jpg";
      const image = link.appendChild(document.createElement("img"));
      image.src = link.href;
      image.alt = act.words;
      return link;
    }),
  );
}

async function showWaiting() {
  const acts = (await queue.all()).filter((act) => act.owner === owner);
  const waiting = acts.filter((act) => !act.refused);
  const refused = acts.filter((act) => act.refused);
  box.hidden = acts.length === 0;
  box.querySelector("[data-count]").textContent = waiting.length;
  box.querySelector("[data-some]").hidden = waiting.length === 0;
  box.querySelector("ul").replaceChildren(
    ...refused.map((act) => {
      const row = box.querySelector("template").content.firstElementChild.cloneNode(true);
      row.querySelector("b").textContent = act.words;
      row.querySelector("time").textContent = new Date(act.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      row.querySelector("span").textContent = act.refused;
      showKept(row, act);
      row.querySelector("[data-again]").onclick = async () => { await queue.again(act); await run(); };
      row.querySelector("[data-drop]").onclick = async () => { await queue.drop(act.n); await run(); };
      return row;
    }),
  );
  showStage(acts);
}

/** One tab sends at a time, or two would send out of order. */
async function run() {
  const send = () => queue.flush(token(), owner, box.dataset.gone);
  const found = await (navigator.locks ? navigator.locks.request("field-queue", send) : send());
  if (found.sent && !found.refused.length && !found.left) found.then ? location.assign(found.then) : location.reload();
  else await showWaiting();
}

if (box && "indexedDB" in window) {
  document.querySelectorAll("form[data-act]").forEach((form) =>
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await queue.add(queue.actOf(form, owner));
      await showWaiting();
      await run();
    }),
  );
  addEventListener("online", run);
  document.addEventListener("visibilitychange", () => document.hidden || run());
  run();
  if (navigator.serviceWorker) {
    await navigator.serviceWorker.register("/field/sw.js", { scope: "/field/" });
    // Of each task its page and its way: the place and the route are there without a signal too.
    const links = [...document.querySelectorAll("a.card.linked")].map((link) => link.href);
    const ways = [...document.querySelectorAll("[data-source]")].map((map) => new URL(map.dataset.source, location).href);
    const pages = [location.href, ...links, ...links.map((link) => new URL("way", link).href), ...ways.filter((way) => way.includes("/field/"))];
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => new URL(name).pathname.startsWith("/static/"));
    const files = [...new Set([...loaded, ...box.dataset.files.split(" ").map((name) => new URL(name, location).href)])];
    (await navigator.serviceWorker.ready).active.postMessage({ pages, files });
  }
}
