// The ordered queue of what a crew did: kept in IndexedDB, sent oldest first, each with its key, so that nothing is lost or done twice.

const STORE = "acts";

function opened() {
  return new Promise((done, failed) => {
    const asked = indexedDB.open("field", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "n", autoIncrement: true });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
}

async function within(mode, verb) {
  const db = await opened();
  try {
    return await new Promise((done, failed) => {
      const work = db.transaction(STORE, mode);
      const asked = verb(work.objectStore(STORE));
      work.oncomplete = () => done(asked.result);
      work.onerror = work.onabort = () => failed(work.error);
    });
  } finally {
    db.close();
  }
}

export const all = () => within("readonly", (store) => store.getAll());
export const add = (act) => within("readwrite", (store) => store.add(act));
export const drop = (n) => within("readwrite", (store) => store.delete(n));
const put = (act) => within("readwrite", (store) => store.put(act));

/** Of a form: address, fields and files as they stand, the task it belongs to, and a key of its own. */
export function actOf(form, owner) {
  const fields = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
  const { task, act, words, then } = form.dataset;
  return { url: form.action, task, act, words, then, fields, owner, key: crypto.randomUUID(), at: new Date().toISOString() };
}

/** What may be sent now, oldest first: after an act that was refused, those of the same task wait for a person. */
export function sendable(acts, owner) {
  const stuck = new Set(acts.filter((act) => act.refused).map((act) => act.task));
  return acts.filter((act) => act.owner === owner && !stuck.has(act.task)).sort((a, b) => a.n - b.n);
}

/** What has become of a task that is no longer ours; also tells an act that was done although its answer was lost. */
async function became(act, gone, send) {
  try {
    const answer = await send(`${new URL("became", act.url).href}?key=${act.key}`, { headers: { Accept: "application/json" }, redirect: "manual" });
    const said = answer.ok ? await answer.json() : {};
    return { done: Boolean(said.done), message: said.message || gone };
  } catch {
    return { done: false, message: gone };
  }
}

/** Sends what waits, in order; stops where the network ends. `gone` says that a task is no longer ours. Returns {sent, left, refused, then}. */
export async function flush(token, owner, gone, send = fetch) {
  let sent = 0;
  let then = "";
  for (;;) {
    const [act] = sendable(await all(), owner);
    if (!act) break;
    const body = new FormData();
    for (const [name, value] of act.fields) body.append(name, value);
    body.set("idempotency_key", act.key);
    body.set("waited_s", Math.max(0, (Date.now() - Date.parse(act.at)) / 1000).toFixed(1));
    let answer;
    try {
      answer = await send(act.url, { method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": token }, redirect: "manual" });
    } catch {
      break; // no network: it waits
    }
    if (answer.ok) {
      await drop(act.n);
      sent += 1;
      then = act.then ?? then;
    } else if (answer.status === 404) {
      const { done, message } = await became(act, gone, send);
      if (done) await drop(act.n);
      else await refuseAll(act, message); // what was done after it cannot arrive either
      sent += Number(done);
    } else if (answer.status >= 400 && answer.status < 500 && answer.status !== 401 && answer.status !== 408 && answer.status !== 429) {
      const said = await answer.json().catch(() => ({}));
      await put({ ...act, refused: said.message || gone });
    } else break; // the server is not well, or wants a login: it waits
  }
  const rest = (await all()).filter((act) => act.owner === owner);
  return { sent, left: rest.filter((act) => !act.refused).length, refused: rest.filter((act) => act.refused), then };
}

async function refuseAll({ task, owner }, refused) {
  for (const act of await all()) if (act.task === task && act.owner === owner) await put({ ...act, refused });
}

/** A refused act is tried again as it was, and with it what was done after it. */
export async function again({ n, task, owner }) {
  for (const act of await all()) if (act.task === task && act.owner === owner && act.n >= n) await put({ ...act, refused: undefined });
}
