// Keeps the gate's page and files, so that a gate without a network opens and verifies.

const KEPT = "gate-1";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The page says which files it has loaded; they are kept together, and those of an older page go.
self.addEventListener("message", (event) => {
  const wanted = new Set([...event.data.files, new URL("/gate/", location).href]);
  event.waitUntil(
    caches.open(KEPT).then(async (kept) => {
      const old = (await kept.keys()).filter((request) => !wanted.has(request.url));
      await Promise.all([kept.addAll([...wanted]), ...old.map((request) => kept.delete(request))]);
    }),
  );
});

async function fromNetwork(request) {
  const answer = await fetch(request);
  if (answer.ok && !answer.redirected) (await caches.open(KEPT)).put(request, answer.clone());
  return answer;
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname === "/gate/") event.respondWith(fromNetwork(event.request).catch(() => caches.match("/gate/")));
  else if (url.pathname.startsWith("/static/")) event.respondWith(caches.match(event.request).then((kept) => kept ?? fetch(event.request)));
});
