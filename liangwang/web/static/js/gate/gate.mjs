// The gate's page: camera or pasted text in, a verdict out; the list renewed and passes sent when there is a network.

import { camera } from "./camera.mjs";
import { isCode, judgeCode } from "./certificate.mjs";
import { ageOf, isHandle, judge, listOf, Seen } from "./judge.mjs";

const words = JSON.parse(document.getElementById("gate-words").textContent);
const certificates = JSON.parse(document.getElementById("gate-certificates").textContent);
const box = document.querySelector("[data-verdict]");
const video = document.querySelector("[data-camera]");
const choice = document.querySelector("[data-gate]");
const SHOWN_MS = 6000;
const RENEW_MS = 60000;
const LEVEL = { green: "ok", yellow: "watch", red: "bad", cross: "bad", clock: "bad", stale: "watch", none: "watch", routine: "brand", certificate: "brand", wait: "idle" };
const TONE = { green: [880], routine: [880], certificate: [880], yellow: [440, 440], red: [220, 220, 220], cross: [220, 220, 220] };

const keep = (name, value) => localStorage.setItem(`gate.${name}`, JSON.stringify(value));
const kept = (name, otherwise) => JSON.parse(localStorage.getItem(`gate.${name}`) ?? "null") ?? otherwise;
const nowS = () => Date.now() / 1000;

let list = null;
let seen = new Seen(kept("seen", []));
let resetAt = 0;

function say(name, n) {
  return words[name].replace("{n}", n);
}

function show(verdict) {
  const [word, hint] = words.looks[verdict.look];
  box.className = `verdict gate-verdict ${LEVEL[verdict.look]}`;
  box.querySelectorAll("[data-look]").forEach((icon) => (icon.hidden = icon.dataset.look !== verdict.look));
  box.querySelector("b").textContent = word;
  const until = verdict.until ? `${words.until} ${verdict.until}` : "";
  box.querySelector("[data-detail]").textContent = [verdict.name, verdict.office, until, words.reasons[verdict.reason] ?? hint].filter(Boolean).join(" · ");
  if (verdict.look === "wait") return;
  resetAt = Date.now() + SHOWN_MS;
  navigator.vibrate?.(["green", "routine", "certificate"].includes(verdict.look) ? 60 : [120, 80, 120]);
  sound(TONE[verdict.look] ?? [330]);
}

let audio = null;
function sound(tones) {
  audio ??= window.AudioContext ? new AudioContext() : null;
  if (audio?.state !== "running") return;
  tones.forEach((hertz, i) => {
    const tone = new OscillatorNode(audio, { frequency: hertz });
    const loud = new GainNode(audio, { gain: 0.15 });
    tone.connect(loud).connect(audio.destination);
    tone.start(audio.currentTime + i * 0.18);
    tone.stop(audio.currentTime + i * 0.18 + 0.14);
  });
}

// --- checking

async function check(text) {
  if (isCode(text, certificates.prefixes)) return show(await ofCertificate(text));
  if (!list) return show({ look: "stale", reason: "missing" });
  if (nowS() > list.expires) return show({ look: "stale" });
  const verdict = isHandle(text) ? await askServer(text) : await judge(text, list, seen, nowS());
  keep("seen", [...seen.first]);
  if (verdict.count) note(verdict.look);
  show(verdict);
}

// A certificate is judged by its signature alone: that it has been revoked, only the city's page of checks knows.
async function ofCertificate(text) {
  const verdict = await judgeCode(text, certificates, nowS());
  const shown = { name: verdict.holder, office: verdict.office };
  if (verdict.ok) return { ...shown, look: "certificate", reason: verdict.shown ? "certificate_shown" : "certificate_paper" };
  return { ...shown, look: "cross", reason: `certificate_${verdict.reason}` in words.reasons ? `certificate_${verdict.reason}` : verdict.reason };
}

// A short code holds nothing but a name that only the city can open; the server counts the pass itself.
async function askServer(text) {
  try {
    const answer = await fetch("/gate/check", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code: text, gate: choice.value }) });
    const said = await answer.json();
    if (said.reason && said.reason !== "no_status") return { look: "cross", reason: said.reason };
    if (said.reason === "no_status") return { look: "none", reason: "no_status" };
    return { look: said.status ?? "routine", until: said.until };
  } catch {
    return { look: "none", reason: "needs_network" };
  }
}

// --- passes

function note(colour) {
  keep("passes", [...kept("passes", []), { at: nowS(), colour }]);
  status();
}

async function sendPasses() {
  const waiting = kept("sending", null) ?? take();
  if (!waiting) return;
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? "";
  const answer = await fetch("/gate/passes", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(waiting) });
  if (answer.ok || answer.status === 422) localStorage.removeItem("gate.sending");
}

// What is being sent is set aside under a key of its own, so that a lost answer does not count it twice.
function take() {
  const passes = kept("passes", []).slice(0, 1000);
  if (!passes.length || !choice.value) return null;
  const waiting = { gate: choice.value, key: crypto.randomUUID(), passes };
  keep("sending", waiting);
  keep("passes", kept("passes", []).slice(1000));
  return waiting;
}

// --- list

async function adopt(given) {
  const fresh = await listOf(given);
  if (list && fresh.issued < list.issued) return;
  list = fresh;
  keep("list", given);
}

async function renew() {
  try {
    const answer = await fetch("/gate/list", { headers: { Accept: "application/json" } });
    if (answer.ok) await adopt(await answer.json());
    await sendPasses();
  } catch {
    // no network: the kept list goes on, and the page shows its age
  }
  status();
}

function status() {
  const queued = kept("passes", []).length + (kept("sending", null)?.passes.length ?? 0);
  const age = list ? ageOf(list, nowS()) : null;
  const text = age === null ? words.missing : age < 90 ? words.just : age < 7200 ? say("fresh", Math.round(age / 60)) : say("old", Math.round(age / 3600));
  document.querySelector("[data-age]").textContent = text;
  document.querySelector("[data-net]").textContent = navigator.onLine ? words.online : words.offline;
  document.querySelector("[data-mode]").textContent = list?.order ? say("order", list.order) : words.routine;
  document.querySelector("[data-queued]").textContent = queued ? say("queued", queued) : "";
}

// --- camera

const eye = camera(video, check);

async function toggleCamera(button) {
  audio ??= window.AudioContext ? new AudioContext() : null;
  audio?.resume();
  try {
    const open = await eye.toggle();
    button.querySelector("span").textContent = open ? words.stop : words.scan;
  } catch {
    document.querySelector("[data-camera-fault]").textContent = words.no_camera;
  }
}

// --- start

function remember() {
  keep("gate", choice.value);
}

document.querySelector("[data-scan]").addEventListener("click", (event) => toggleCamera(event.currentTarget));
document.querySelector("[data-paste]").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = event.target.elements.code;
  if (input.value.trim()) check(input.value.trim());
  input.value = "";
  input.focus();
});
choice.addEventListener("change", remember);
if ([...choice.options].some((option) => option.value === kept("gate", ""))) choice.value = kept("gate", "");
window.addEventListener("online", renew);
window.addEventListener("offline", status);
setInterval(renew, RENEW_MS);
setInterval(() => { status(); if (resetAt && Date.now() > resetAt) { resetAt = 0; show({ look: "wait" }); } }, 1000);

const given = kept("list", null);
if (given) await adopt(given).catch(() => localStorage.removeItem("gate.list"));
await adopt(JSON.parse(document.getElementById("gate-list").textContent)).catch(() => {});
status();
show({ look: "wait" });
document.documentElement.dataset.gateReady = "1";
renew();

if ("serviceWorker" in navigator) {
  await navigator.serviceWorker.register("/gate/sw.js", { scope: "/gate/" });
  const { active } = await navigator.serviceWorker.ready;
  const files = performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => new URL(name).pathname.startsWith("/static/"));
  active.postMessage({ files: [...files, new URL(video.dataset.jsqr, location).href] });
}
