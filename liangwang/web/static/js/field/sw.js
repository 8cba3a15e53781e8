// Keeps the field's pages and files, so that a crew in a cellar can open its tasks; what it does there waits in the queue.

const PAGES = "field-pages-1";
const FILES = "field-files-1";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The page names the tasks in hand and the files that it has loaded: they are fetched while there is a network.
self.addEventListener("message", (event) => {
  const { pages, files } = event.data;
  const kept = [...files.map((file) => fromFiles(new Request(file))), ...pages.map((page) => fromNetwork(new Request(page)))];
  event.waitUntil(Promise.allSettled(kept));
});

async function fromNetwork(request) {
  const answer = await fetch(request);
  // Sent elsewhere means logged out or another hat: nothing of the one before stays on the phone.
  if (answer.redirected && !new URL(answer.url).pathname.startsWith("/field/")) await caches.delete(PAGES);
  else if (answer.ok && !answer.redirected && !new URL(request.url).search) (await caches.open(PAGES)).put(request.url, answer.clone());
  return answer;
}

async function fromFiles(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) (await caches.open(FILES)).put(request, answer.clone());
  return answer;
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(fromFiles(event.request));
  else if (url.pathname.startsWith("/field/")) event.respondWith(fromNetwork(event.request).catch(async () => (await caches.match(event.request.url)) ?? Response.error()));
});
