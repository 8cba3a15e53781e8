// The code page renews itself half a minute before its code expires, and when the phone is woken after that.

const card = document.querySelector("[data-code]");
const until = performance.now() + (Number(card.dataset.left) - 30) * 1000;
const renew = () => performance.now() >= until && document.visibilityState === "visible" && location.reload();

setInterval(renew, 5000);
document.addEventListener("visibilitychange", renew);
