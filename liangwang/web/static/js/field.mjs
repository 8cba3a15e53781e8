// Field pages: where a photo was taken, and sending it as soon as it is taken.

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
