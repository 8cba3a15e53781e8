// Looks for QR codes in the camera's picture: the browser's own reader where it has one, else jsQR.

async function reader(video) {
  if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async () => (await detector.detect(video))[0]?.rawValue;
  }
  await import(video.dataset.jsqr);
  const canvas = new OffscreenCanvas(1, 1);
  return async () => {
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    const image = context.getImageData(0, 0, canvas.width, canvas.height);
    return self.jsQR(image.data, image.width, image.height, { inversionAttempts: "dontInvert" })?.data;
  };
}

/** A camera that calls `found(text)` for each code; `toggle()` opens or closes it and says whether it is open. */
export function camera(video, found) {
  let stream = null;
  let detect = null;
  let last = { text: "", at: 0 };

  async function look() {
    if (!stream) return;
    const text = video.videoWidth ? await detect() : "";
    // The same code stays before the camera for a while: it is looked at once.
    if (text && (text !== last.text || Date.now() - last.at > 4000)) await found(text);
    if (text) last = { text, at: Date.now() };
    setTimeout(look, 150);
  }

  async function open() {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    await video.play();
    detect ??= await reader(video);
    look();
  }

  return {
    async toggle() {
      if (stream) {
        stream.getTracks().forEach((track) => track.stop());
        stream = null;
      } else {
        await open().catch((fault) => {
          stream = null;
          throw fault;
        }).finally(() => (video.hidden = !stream));
      }
      video.hidden = !stream;
      return Boolean(stream);
    },
  };
}
