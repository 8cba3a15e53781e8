// Search as one types: a combobox over links that the server draws. Without a script the form searches as before.

const WAIT_MS = 90; // shorter than the pause between two words, longer than between two keys

export function start(input) {
  const list = input.form.querySelector("[role=listbox]");
  let timer, asked, at = -1;
  const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];

  Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })
    .forEach(([name, value]) => input.setAttribute(name, value));

  function show(open) {
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) choose(-1);
  }

  function choose(number) {
    at = number;
    options().forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", options()[at].id);
    options()[at].scrollIntoView({ block: "nearest" });
  }

  async function find() {
    asked?.abort();
    const query = input.value.trim();
    if (!query) return show(false);
    asked = new AbortController();
    try {
      const answer = await fetch(`${input.dataset.find}?q=${encodeURIComponent(query)}`, { signal: asked.signal });
      if (!answer.ok) return show(false);
      list.innerHTML = await answer.text();
      at = -1;
      show(document.activeElement === input && list.childElementCount > 0);
    } catch (error) {
      if (error.name !== "AbortError") show(false);
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || list.hidden) return;
    const many = options().length;
    if (event.key === "Escape") show(false);
    else if (event.key === "ArrowDown" && many) choose((at + 1) % many);
    else if (event.key === "ArrowUp" && many) choose(at <= 0 ? many - 1 : at - 1);
    else if (event.key === "Enter" && at >= 0) options()[at].click();
    else return;
    event.preventDefault();
  });
  input.form.addEventListener("focusout", (event) => {
    if (!input.form.contains(event.relatedTarget)) show(false);
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the list stays until its link is followed
}
