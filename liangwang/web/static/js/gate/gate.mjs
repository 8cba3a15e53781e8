// The gate's page: camera or pasted text in, a verdict out; the list renewed and passes sent when there is a network.

import { ageOf, isHandle, judge, listOf, Seen } from "./judge.mjs";

const words = JSON.parse(document.getElementById("gate-words").textContent);
const box = document.querySelector("[data-verdict]");
const video = document.querySelector("[data-camera]");
const choice = document.querySelector("[data-gate]");
const SHOWN_MS = 6000;
const RENEW_MS = 60000;
const LEVEL = { green: "ok", yellow: "watch", red: "bad", cross: "bad", clock: "bad", stale: "watch", none: "watch", routine: "brand", wait: "idle" };
const TONE = { green: [880], routine: [880], yellow: [440, 440], red: [220, 220, 220], cross: [220, 220, 220] };

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
  box.querySelector("[data-detail]").textContent = [verdict.name, until, words.reasons[verdict.reason] ?? hint].filter(Boolean).join(" · ");
  if (verdict.look === "wait") return;
  resetAt = Date.now() + SHOWN_MS;
  navigator.vibrate?.(verdict.look === "green" || verdict.look === "routine" ? 60 : [120, 80, 120]);
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
  if (!list) return show({ look: "stale", reason: "missing" });
  if (nowS() > list.expires) return show({ look: "stale" });
  const verdict = isHandle(text) ? await askServer(text) : await judge(text, list, seen, nowS());
  keep("seen", [...seen.first]);
  if (verdict.count) note(verdict.look);
  show(verdict);
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

let stream = null;
let detect = null;

async function reader() {
  if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async () => (await detector.detect(video))[0]?.rawValue;
  }
  await import(video.dataset.jsqr);
  const canvas = new OffscreenCanvas(1, 1);
  return async () => {
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    const image = context.getImageData(0, 0, canvas.width, canvas.height);
    return self.jsQR(image.data, image.width, image.height, { inversionAttempts: "dontInvert" })?.data;
  };
}

async function toggleCamera(button) {
  audio ??= window.AudioContext ? new AudioContext() : null;
  audio?.resume();
  if (stream) {
    stream.getTracks().forEach((track) => track.stop());
    stream = null;
  } else {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      await video.play();
      detect ??= await reader();
      look();
    } catch {
      stream = null;
      document.querySelector("[data-camera-fault]").textContent = words.no_camera;
    }
  }
  video.hidden = !stream;
  button.querySelector("span").textContent = stream ? words.stop : words.scan;
}

let last = { text: "", at: 0 };
async function look() {
  if (!stream) return;
  const text = video.videoWidth ? await detect() : "";
  // The same code stays before the camera for a while: it is looked at once.
  if (text && (text !== last.text || Date.now() - last.at > 4000)) await check(text);
  if (text) last = { text, at: Date.now() };
  setTimeout(look, 150);
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
