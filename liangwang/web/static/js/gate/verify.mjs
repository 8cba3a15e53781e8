// The page on which anyone verifies: scan, paste or a PDF. Online the city answers; without a network the signature is judged here.

import { camera } from "./camera.mjs";
import { isCode, judgeCode, judgeFile } from "./certificate.mjs";

const words = JSON.parse(document.getElementById("verify-words").textContent);
const given = JSON.parse(document.getElementById("verify-keys").textContent);
const paste = document.querySelector("[data-paste]");
const upload = document.querySelector("[data-upload]");
const box = document.querySelector("[data-local]");
const WATCH = new Set(["expired", "stale", "early", "unsigned"]);

function show(verdict) {
  // Never green without a network: the signature is good, and it may have been revoked all the same.
  const level = verdict.ok ? "info" : WATCH.has(verdict.reason) ? "watch" : "bad";
  const heading = Object.assign(document.createElement("b"), { textContent: words[verdict.reason] ?? words.forged });
  const shown = ["holder", "number", "office"].filter((name) => verdict[name]).map((name) => `${words[name]} ${verdict[name]}`);
  if (verdict.until) shown.push(`${words.until} ${new Date((verdict.until - 1) * 1000).toLocaleDateString(document.documentElement.lang)}`);
  const lines = [...shown, words.offline].map((text) => Object.assign(document.createElement("p"), { textContent: text }));
  const section = Object.assign(document.createElement("section"), { className: `verdict ${level}` });
  section.setAttribute("role", "status");
  section.dataset.offline = verdict.reason;
  section.append(heading, ...lines);
  document.querySelector("[data-answer]")?.remove();
  box.replaceChildren(section);
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

const nowS = () => Date.now() / 1000;

// Whether the city answers: being "online" to the browser can be a wireless network that leads nowhere.
async function reached() {
  if (!navigator.onLine) return false;
  try {
    return (await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(2500) })).status < 600;
  } catch {
    return false;
  }
}

paste.addEventListener("submit", async (event) => {
  const text = paste.elements.q.value.trim();
  if (!isCode(text, given.prefixes)) return;
  event.preventDefault();
  if (await reached()) paste.submit();
  else show(await judgeCode(text, given, nowS()));
});

upload.addEventListener("submit", async (event) => {
  const [file] = upload.elements.file.files;
  if (!file) return;
  event.preventDefault();
  if (await reached()) upload.submit();
  else show(await judgeFile(new Uint8Array(await file.arrayBuffer()), given, nowS()));
});

const button = document.querySelector("[data-scan]");
const fault = document.querySelector("[data-camera-fault]");
const eye = camera(document.querySelector("[data-camera]"), async (text) => {
  paste.elements.q.value = text;
  paste.requestSubmit();
});
button.hidden = false;
button.addEventListener("click", async () => {
  try {
    const open = await eye.toggle();
    button.querySelector("span").textContent = open ? words.stop : words.scan;
    fault.textContent = "";
  } catch {
    fault.textContent = words.no_camera;
  }
});
document.documentElement.dataset.verifyReady = "1";
