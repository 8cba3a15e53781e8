// The event stream of the duty page: what changed, whether the stream lives, and catching up once it is back.

const CASES = [
  ..."opened accepted closed refused reopened merged unmerged took_in rated level handed_on said supervised supervision_replied assist assist_asked assist_arrived assist_ended held released extended".split(" ").map((what) => `case.${what}`),
  ..."ready assigned accepted arrived reported verified done failed declined ruled supervised overdue defer_asked deferred not_deferred woken passed_on put_back taken_over cancelled".split(" ").map((what) => `task.${what}`),
];
const THINGS = ["signal.raised", "signal.climbed", "signal.cleared", "unit.moved"];
const SILENT_MS = 40000; // the server says `beat` every fifteen seconds
const AGAIN_MS = 3000;

/** Calls `work` soon, once for a burst of calls, never twice at the same time, and rarely where it takes long. */
export function soon(work, wait) {
  let timer, running = false, again = false, pause = wait;
  const run = async () => {
    timer = undefined;
    if (running) return (again = true);
    running = true;
    const began = performance.now();
    await work().catch(console.error);
    pause = Math.max(wait, 3 * (performance.now() - began));
    running = false;
    if (again) { again = false; call(); }
  };
  const call = () => (timer ??= setTimeout(run, pause));
  return call;
}

/**
 * Opens the stream for good. `on.changed(event)` for a case or task, `on.moved(event)` for a thing or unit, `on.opened()` each time
 * that it (re)opens, `on.lost()` when it breaks or falls silent.
 */
export function listen(on) {
  let events, heard, lost = false;
  const alive = () => (heard = performance.now());
  const broken = () => { if (!lost) { lost = true; on.lost(); } };
  const told = (call) => (event) => { alive(); call(JSON.parse(event.data)); };
  const open = () => {
    events?.close();
    alive();
    events = new EventSource("/events?topics=case,task,signal,unit");
    CASES.forEach((type) => events.addEventListener(type, told(on.changed)));
    THINGS.forEach((type) => events.addEventListener(type, told(on.moved)));
    events.addEventListener("reload", () => { alive(); on.opened(); });
    events.addEventListener("beat", alive);
    events.addEventListener("open", () => { alive(); lost = false; on.opened(); });
    events.addEventListener("error", broken);
    events.addEventListener("signed-out", () => location.reload());
  };
  open();
  setInterval(() => {
    const silent = performance.now() - heard > SILENT_MS;
    if (silent) broken();
    // A stream that the browser has given up, or that says nothing any more, is opened anew.
    if (silent || events.readyState === EventSource.CLOSED) { broken(); open(); }
  }, AGAIN_MS);
}
