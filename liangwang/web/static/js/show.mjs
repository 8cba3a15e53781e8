// The code that is shown renews itself before it expires, and when the phone is woken after that.

const card = document.querySelector("[data-show]");
const bar = document.querySelector("[data-bar]");
const until = performance.now() + (Number(card.dataset.left) - 15) * 1000;

function turn() {
  bar.value = Math.max(0, (until - performance.now()) / 1000 + 15);
  if (performance.now() >= until && document.visibilityState === "visible") location.reload();
}

setInterval(turn, 1000);
document.addEventListener("visibilitychange", turn);
