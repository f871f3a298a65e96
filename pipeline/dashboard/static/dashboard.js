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
  // A refusal of the guard is plain text: a body without `main`.
  const said = page.querySelector("main p") || page.body;
  if (!answer.ok) throw new Error(said.textContent.trim() || answer.statusText);
  return page;
}

function put(page, selector) {
  for (const part of document.querySelectorAll(selector)) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceWith(document.importNode(fresh, true));
  }
}

// `moved` is the field that counts as it stands, whatever was said of its value before.
function addressOf(form, moved) {
  const address = new URL(form.dataset.action || location.pathname, location.origin);
  for (const [name, typed] of new FormData(form)) {
    const own = form.querySelector(`[name="${CSS.escape(name)}"][data-default]`);
    const value = own && own !== moved && refused(own) ? accepted(own) : typed;
    if (value !== "" && !(own && own.dataset.default === value)) {
      // A slider stands for a setting: its parameter is `set`, its value `filters.NAME.KEY=VALUE`.
      const setting = own && own.dataset.setting;
      address.searchParams.append(setting ? "set" : name, setting ? `${setting}=${value}` : value);
    }
  }
  return address;
}

async function answer(form, field) {
  const address = addressOf(form, field);
  try {
    const page = await ask(address);
    put(page, "[data-part]");
    history.replaceState(null, "", address);
    accept(field);
    say(page.getElementById("pulse")?.textContent || "");
  } catch (problem) {
    if (problem.name !== "AbortError" && !(problem instanceof TypeError)) refuse(field, problem.message);
    sayProblem(problem);
  }
}

// A setting has a number field and a slider, each the other's twin. The numbers on the page are those of the value that
// was accepted last; the slider stands there, and a number that was refused is marked as such until it is another one.
const twinOf = (own) => own.dataset.twin && document.getElementById(own.dataset.twin);
const fieldOf = (own) => ("setting" in own.dataset ? own : twinOf(own) || own);
const accepted = (field) => field.dataset.accepted ?? field.defaultValue;
const refused = (field) => field.getAttribute("aria-invalid") === "true";

function accept(field) {
  const value = field.value === "" ? field.dataset.default : field.value; // an empty one is as the recipe has it
  field.dataset.accepted = field.value;
  field.removeAttribute("aria-invalid");
  document.getElementById(`${field.id}-refused`)?.remove();
  const slider = twinOf(field);
  if (slider && value) slider.value = value;
}

function refuse(field, words) {
  field.setAttribute("aria-invalid", "true");
  const slider = twinOf(field);
  const shown = accepted(field) || field.dataset.default;
  if (slider && shown) slider.value = shown;
  let told = document.getElementById(`${field.id}-refused`);
  if (!told) {
    told = document.createElement("span");
    told.id = `${field.id}-refused`;
    told.className = "refused";
    field.parentElement.append(told);
    field.setAttribute("aria-errormessage", told.id);
  }
  told.textContent = `${words.replace(/[.\s]*$/, ".")} The numbers are those of ${shown || "the recipe"}.`;
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

let touched = false;

document.addEventListener("input", (event) => {
  touched = true;
  const own = event.target;
  if (!own.form || !("live" in own.form.dataset)) return;
  const field = fieldOf(own);
  if (own !== field) field.value = own.value;
  if (field.checkValidity()) return answer(own.form, field);
  asking?.abort();
  refuse(field, field.validationMessage);
  say(field.validationMessage);
});

document.addEventListener("change", (event) => {
  const own = event.target;
  if (!own.form) return;
  if ("change" in own.form.dataset) location.assign(addressOf(own.form));
  else if ("live" in own.form.dataset && own.value === "" && own.validity.valid && own.dataset.default) {
    own.value = own.dataset.default; // emptied: it says what its numbers are of
  }
});

// A browser that goes back, or loads anew, puts its own memory of the controls over what the address says.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
  else if (!touched) for (const form of document.forms) form.reset();
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

// A run that has not begun: its page is another one then.
if ("waits" in document.body.dataset) setTimeout(() => location.reload(), 2000);
