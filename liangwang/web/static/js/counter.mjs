// The counter by keyboard: F-keys work inside fields too, Escape leaves a field, ticking saves at once.

document.addEventListener("keydown", (event) => {
  const target = document.querySelector(`[data-f="${event.key}"]`);
  if (target) {
    event.preventDefault();
    target.click();
  } else if (event.key === "Escape" && event.target.matches("input, textarea, select")) {
    event.target.blur();
  }
});

/** Saves the whole form where an answer changes what is asked, and comes back to the same place. */
document.querySelectorAll("[data-saves]").forEach((field) =>
  field.addEventListener("change", () => {
    const form = field.form;
    form.elements.at.value = field.dataset.saves;
    sessionStorage.setItem("counter-focus", `${field.name}=${field.value}`);
    form.requestSubmit();
  }),
);

const [name, value] = (sessionStorage.getItem("counter-focus") ?? "").split("=");
sessionStorage.removeItem("counter-focus");
if (name) [...document.getElementsByName(name)].find((field) => field.value === value)?.focus();
document.querySelector("[autofocus]")?.focus();
document.querySelector("[data-first]")?.focus();
