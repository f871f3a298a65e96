"use strict";
// Pages are made on the server; this script only asks for them again. A form's values become an address, and the parts
// of the page that have an id and `data-part` are taken out of the answer. Nothing is ever made from text here.

const html = new DOMParser();
let asking = null; // the request under way; a newer one ends it

async function ask(address) {
  if (asking) asking.abort();
  const mine = (asking = new AbortController());
  const answer = await fetch(address, { signal: mine.signal, headers: { accept: "text/html" } });
  const page = html.parseFromString(await answer.text(), "text/html");
  if (!answer.ok) throw new Error(page.querySelector("main p, body")?.textContent || answer.statusText);
  return page;
}

function put(page, selector) {
  for (const part of document.querySelectorAll(selector)) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceWith(document.importNode(fresh, true));
  }
}

function addressOf(form) {
  const address = new URL(form.dataset.action || location.pathname, location.origin);
  for (const [name, value] of new FormData(form)) {
    const own = form.querySelector(`[name="${CSS.escape(name)}"][data-default]`);
    if (value !== "" && !(own && own.dataset.default === value)) {
      // A slider stands for a setting: its parameter is `set`, its value `filters.NAME.KEY=VALUE`.
      const setting = own && own.dataset.setting;
      address.searchParams.append(setting ? "set" : name, setting ? `${setting}=${value}` : value);
    }
  }
  return address;
}

async function answer(form) {
  const address = addressOf(form);
  try {
    const page = await ask(address);
    put(page, "[data-part]");
    history.replaceState(null, "", address);
    say(page.getElementById("pulse")?.textContent || "");
  } catch (problem) {
    sayProblem(problem);
  }
}

function sayProblem(problem) {
  if (problem.name === "AbortError") return;
  say(problem instanceof TypeError ? "no answer: is the server still there?" : problem.message);
}

function say(words) {
  const pulse = document.getElementById("pulse");
  if (pulse) pulse.textContent = words;
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(addressOf(event.target));
});

document.addEventListener("input", (event) => {
  const own = event.target;
  const twin = own.dataset.twin && document.getElementById(own.dataset.twin);
  if (twin) twin.value = own.value;
  if (own.form && "live" in own.form.dataset && own.checkValidity()) answer(own.form);
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form && "change" in form.dataset) location.assign(addressOf(form));
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=range]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing) return;
  if (event.key === "/") {
    const first = document.querySelector("main input[type=search], main input, main select");
    if (first) { event.preventDefault(); first.focus(); }
  } else if (event.key === "?") {
    document.body.classList.toggle("keys");
  } else {
    const link = document.querySelector(`nav [data-key="${CSS.escape(event.key)}"]`);
    if (link) location.assign(link.href);
  }
});

// While a run goes on: ask now and then whether there is something new, and take over the whole answer if so.
async function watch() {
  const body = document.body;
  if (!("live" in body.dataset)) return;
  try {
    const found = await (await fetch(`/${encodeURIComponent(body.dataset.run)}/state.json`)).json();
    if (found.error) throw new Error(found.error);
    const busy = document.activeElement && document.activeElement.closest("main form");
    if (found.version !== body.dataset.version && !busy) {
      const page = await ask(location.href);
      const open = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
      put(page, "main");
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      body.dataset.version = page.body.dataset.version;
      say(page.getElementById("pulse")?.textContent || "");
      if (!("live" in page.body.dataset)) delete body.dataset.live;
    }
  } catch (problem) {
    sayProblem(problem);
  }
  setTimeout(watch, 2000);
}
watch();
