// Field pages: where a photo was taken, sending it as soon as it is taken, and keeping what is typed meanwhile.

function locate(form) {
  navigator.geolocation?.getCurrentPosition(
    ({ coords }) => {
      form.elements.lon.value = coords.longitude.toFixed(6);
      form.elements.lat.value = coords.latitude.toFixed(6);
    },
    () => {}, // a photo without a place is still a photo; the page shows that the place is missing
    { enableHighAccuracy: true, timeout: 8000, maximumAge: 60000 },
  );
}

document.querySelectorAll("form[data-locate]").forEach(locate);
document.querySelectorAll("form[data-auto] input[type=file]").forEach((input) =>
  input.addEventListener("change", () => input.files.length && input.form.requestSubmit()),
);
document.querySelectorAll("form[data-auto] .button").forEach((button) => (button.hidden = true)); // a chosen photo sends itself

// Sending a photo loads the page anew: what stands in the report's note stays, until it is handed in.
document.querySelectorAll("form[data-keep]").forEach((form) => {
  const key = `note:${form.dataset.keep}`;
  const note = form.elements.note;
  note.value ||= sessionStorage.getItem(key) ?? "";
  note.addEventListener("input", () => sessionStorage.setItem(key, note.value));
});
