// The symbols of the map: shape and colour together, the same as in the legend.

export const COLOURS = { bad: "#ff6b5e", warn: "#ff9a4d", watch: "#f2c94c", info: "#5aa9ff", idle: "#5d7590", ok: "#4cc38a" };
export const GROUND = "#0b1118";

// Octagon, diamond, triangle, circle; a crew is a square, open while it is free.
const CORNERS = { bad: [8, Math.PI / 8], warn: [4, 0], watch: [3, -Math.PI / 2], info: [24, 0], "unit-info": [4, Math.PI / 4], "unit-idle": [4, Math.PI / 4] };

/** One symbol as pixels, 48 × 48. */
function drawn(name) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 48, height: 48 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const [corners, turn] = CORNERS[name];
  const radius = name === "watch" ? 21 : 18;
  pen.beginPath();
  for (let i = 0; i < corners; i++) {
    const angle = turn + (2 * Math.PI * i) / corners;
    pen.lineTo(24 + radius * Math.cos(angle), 24 + radius * Math.sin(angle));
  }
  pen.closePath();
  pen.lineJoin = "round";
  pen.lineWidth = 5;
  const free = name === "unit-idle";
  pen.fillStyle = free ? GROUND : COLOURS[name] ?? COLOURS.info;
  pen.strokeStyle = free ? COLOURS.info : GROUND;
  pen.fill();
  pen.stroke();
  return pen.getImageData(0, 0, 48, 48);
}

/** Gives a map every symbol by its name. */
export function addTo(map) {
  for (const name of Object.keys(CORNERS)) map.addImage(name, drawn(name));
}
