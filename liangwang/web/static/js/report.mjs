// Reporting from the phone: the place where one stands, if the person asks for it.

const button = document.querySelector("[data-here]");

function said(text) {
  button.querySelector("span").textContent = text;
}

if (button && navigator.geolocation) {
  button.hidden = false;
  button.addEventListener("click", () =>
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        document.querySelector('[name="at_lon"]').value = coords.longitude.toFixed(6);
        document.querySelector('[name="at_lat"]').value = coords.latitude.toFixed(6);
        said(button.dataset.done);
      },
      () => said(button.dataset.none),
      { enableHighAccuracy: true, timeout: 8000, maximumAge: 60000 },
    ),
  );
}
