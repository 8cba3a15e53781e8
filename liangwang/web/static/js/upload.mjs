// Materials: files go up as soon as they are chosen, with a bar; a refusal is told beside its material and nothing else changes.

function send(form, file, progress) {
  return new Promise((resolve) => {
    const body = new FormData();
    for (const name of ["csrfmiddlewaretoken", "need", "act"]) body.append(name, form.elements[name].value);
    body.append("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", location.pathname);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => event.lengthComputable && progress(event.loaded / event.total));
    request.addEventListener("load", () => {
      let message = form.dataset.failed;
      try {
        const answer = JSON.parse(request.responseText);
        message = typeof answer.message === "object" ? answer.message[document.documentElement.lang.slice(0, 2)] : answer.message;
      } catch {
        // The answer was not ours: a proxy's page, or nothing. The words stay those of a broken connection.
      }
      resolve(message);
    });
    request.addEventListener("error", () => resolve(form.dataset.failed));
    request.send(body);
  });
}

/** Puts the server's present state of every part of the page in place of the old one. */
async function renew() {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const now = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    if (now) part.replaceWith(now);
  }
  document.querySelectorAll("form[data-upload]").forEach(listen);
}

function tell(need, message) {
  const wrong = document.querySelector(`[data-part="${CSS.escape(need)}"] [data-wrong]`);
  wrong.querySelector("span").textContent = message;
  wrong.hidden = false;
}

async function upload(form, files) {
  const said = form.querySelector("[data-said]");
  const bar = form.querySelector("progress");
  form.querySelector(".sending").hidden = false;
  let wrong = "";
  let sent = 0;
  for (const file of files) {
    said.textContent = `${form.dataset.sending} ${file.name}`;
    bar.value = 0;
    const message = file.size > Number(form.dataset.max) ? form.dataset.tooLarge : await send(form, file, (share) => (bar.value = share * 100));
    if (message) wrong = files.length > 1 ? `${file.name}：${message}` : message;
    else sent += 1;
  }
  form.querySelector(".sending").hidden = true;
  const need = form.elements.need.value;
  if (sent) await renew();
  if (wrong) tell(need, wrong);
}

function listen(form) {
  if (form.dataset.live) return;
  form.dataset.live = "1";
  form.querySelector("[data-send]").hidden = true;
  for (const input of form.querySelectorAll('input[type="file"]')) {
    input.addEventListener("change", async () => {
      const files = [...input.files];
      input.value = "";
      if (files.length) await upload(form, files);
    });
  }
}

document.querySelectorAll("form[data-upload]").forEach(listen);
