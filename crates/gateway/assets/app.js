// Everything works without this file: it shows answers while the question is being typed, takes what is typed
// over to the other language, keeps an impatient second click from sending a form twice, and lets officers use
// the keyboard.

const PAUSE_MS = 400;
const SHORTEST = 12;
const LONGEST = 500;
const PROMISE_MS = 1500;
const PROMISE_TRIES = 20;
const WATCH_MS = 20000;
const TYPED = "motcua-typed";

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
  });
}
// Coming back by the browser's history shows the page as it was left.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// The field that a refusal is about says so too.
const refused = document.querySelector("#refused > a");
const field = refused && document.querySelector(refused.hash);
if (field) {
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `refused ${field.getAttribute("aria-describedby") ?? ""}`.trim());
}
const ask = document.querySelector("#ask");
if (ask) keepTyped(ask);

const text = document.querySelector("#ask #text");
const place = document.querySelector("#suggestions");
if (text && place) suggest(text, place);
if (document.querySelector("#promise[data-awaited]")) awaitPromise(PROMISE_TRIES);
const inbox = document.querySelector("#inbox");
if (inbox) walk(inbox);
const reply = document.querySelector("#reply");
reply?.querySelector("textarea").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) reply.requestSubmit();
});

const insert = document.querySelector("#insert");
if (insert) insertSaved(insert);
const changes = document.querySelector("#changes[data-of]");
if (changes) watch(changes);

// The server's own page, in which all that people wrote is escaped. Never the page it leads to instead: that is
// the sign-in, once a session has ended.
async function read(url, options) {
  const response = await fetch(url, { redirect: "error", ...options });
  if (!response.ok) throw new Error(`${response.status}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// What is typed goes over to the same page in the other language: in this tab, and nowhere else.
function keepTyped(form) {
  const fields = [...form.elements].filter((e) => e.name && !["hidden", "file", "submit", "checkbox"].includes(e.type));
  const lang = document.documentElement.lang;
  try {
    const kept = JSON.parse(sessionStorage.getItem(TYPED));
    sessionStorage.removeItem(TYPED);
    if (kept?.lang === lang) {
      for (const field of fields) {
        if (field.type === "radio") field.checked = kept.values[field.name] === field.value;
        else if (!field.readOnly) field.value = kept.values[field.name] ?? field.value;
      }
    }
  } catch {
    // Where nothing may be kept, the other language begins with an empty form.
    return;
  }
  const other = document.querySelector("a.switch");
  other?.addEventListener("click", () => {
    const values = Object.fromEntries(new FormData(form));
    const typed = fields.map(({ name }) => [name, values[name]]);
    sessionStorage.setItem(TYPED, JSON.stringify({ lang: other.lang, values: Object.fromEntries(typed) }));
  });
  form.addEventListener("submit", () => sessionStorage.removeItem(TYPED));
}

function suggest(text, place) {
  document.querySelector("#look")?.parentElement.remove();
  let timer;
  let search;
  let asked = "";
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  });

  async function look() {
    const q = text.value.trim().slice(0, LONGEST);
    if (q === asked) return;
    search?.abort();
    asked = q;
    if (q.length < SHORTEST) {
      place.replaceChildren();
      return;
    }
    search = new AbortController();
    try {
      const lang = document.documentElement.lang;
      // In the body: addresses end up in logs.
      const body = new URLSearchParams({ q });
      const found = await read(`/goi-y?lang=${lang}`, { method: "POST", body, signal: search.signal });
      place.replaceChildren(...found.body.childNodes);
    } catch (error) {
      // Suggestions are a help, not a need: the form goes on without them.
      if (error.name !== "AbortError") {
        asked = "";
        place.replaceChildren();
      }
    }
  }
}

// A unit takes the question a moment after it was sent; then the date is known.
function awaitPromise(tries) {
  if (tries === 0) return;
  setTimeout(async () => {
    const page = await read(location.href).catch(() => null);
    const promise = page?.querySelector("#promise:not([data-awaited])");
    if (promise) document.querySelector("#promise").replaceChildren(...promise.childNodes);
    else awaitPromise(tries - 1);
  }, PROMISE_MS);
}

// A saved reply goes where the cursor is; without this it goes after what is typed.
function insertSaved(button) {
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    const form = button.form;
    const area = form.querySelector("textarea");
    const unit = new URLSearchParams({ unit: form.elements.unit.value });
    const saved = `/can-bo/mau/${form.elements.saved.value}?${unit}`;
    const response = await fetch(saved, { redirect: "error" }).catch(() => null);
    if (response?.ok) {
      area.setRangeText(await response.text(), area.selectionStart, area.selectionEnd, "end");
      area.focus();
    } else form.requestSubmit(button);
  });
}

// Tells an officer who has a question open what happens to it meanwhile; once, as it is read aloud. Nobody works
// only because a page looks: a session isn't renewed by it.
function watch(place) {
  const options = { headers: { "x-background": "1" } };
  let told = "";
  setInterval(async () => {
    if (document.hidden) return;
    const found = await read(place.dataset.of, options).catch(() => null);
    if (!found?.body.childElementCount || found.body.innerHTML === told) return;
    told = found.body.innerHTML;
    place.replaceChildren(...found.body.childNodes);
  }, WATCH_MS);
}

// Keys that are single letters work only where the focus is in the list: elsewhere they belong to the browser and
// to whoever speaks to it.
function walk(inbox) {
  const links = [...inbox.querySelectorAll("tbody a")];
  inbox.addEventListener("keydown", (event) => {
    const step = { j: 1, k: -1 }[event.key];
    const at = links.indexOf(document.activeElement);
    if (!step || at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    links[at + step]?.focus();
  });
}
