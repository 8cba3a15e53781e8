// The signature pad: drawn with finger, pen or mouse, sent as a small picture; the typed name stays a full alternative.

const MIN_POINTS = 8;

function pad(box) {
  const canvas = box.querySelector("canvas");
  const form = box.closest("form");
  const brush = canvas.getContext("2d");
  let points = 0;
  let down = false;
  box.hidden = false;
  const at = (event) => {
    const area = canvas.getBoundingClientRect();
    return [((event.clientX - area.left) * canvas.width) / area.width, ((event.clientY - area.top) * canvas.height) / area.height];
  };
  const wipe = () => {
    brush.fillStyle = "#fff";
    brush.fillRect(0, 0, canvas.width, canvas.height);
    Object.assign(brush, { lineWidth: 5, lineCap: "round", lineJoin: "round", strokeStyle: "#16202c" });
    points = 0;
    form.elements.drawn.value = "";
  };
  canvas.addEventListener("pointerdown", (event) => {
    down = true;
    canvas.setPointerCapture(event.pointerId);
    brush.beginPath();
    brush.moveTo(...at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!down) return;
    brush.lineTo(...at(event));
    brush.stroke();
    points += 1;
  });
  canvas.addEventListener("pointerup", () => {
    down = false;
    if (points >= MIN_POINTS) form.elements.drawn.value = canvas.toDataURL("image/png");
  });
  box.querySelector("[data-wipe]").addEventListener("click", wipe);
  wipe();
}

document.querySelectorAll("[data-pad]").forEach(pad);
