// A picture that is being read: the page asks every second and shows what has changed, until there is an answer.

const EVERY_MS = 1000;

async function look() {
  const box = document.querySelector("[data-reading]");
  try {
    const fresh = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html").querySelector("[data-reading]");
    if (!fresh) return;
    if (fresh.dataset.reading !== box.dataset.reading || fresh.children.length !== box.children.length) box.replaceWith(fresh);
    if (!["waiting", "reading"].includes(fresh.dataset.reading)) return;
  } catch {
    // No connection for a moment: the next look tries again.
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
