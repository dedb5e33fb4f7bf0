// Everything works without this file: it shows answers while the question is being typed, and
// keeps an impatient second click from sending a form twice.

const PAUSE_MS = 400;
const SHORTEST = 12;
const LONGEST = 500;

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

const text = document.querySelector("#ask #text");
const place = document.querySelector("#suggestions");
if (text && place) suggest(text, place);

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
      const query = new URLSearchParams({ q, limit: "3" });
      const response = await fetch(`/api/v1/search?${query}`, { signal: search.signal });
      if (!response.ok) throw new Error(`${response.status}`);
      show((await response.json()).results ?? []);
    } catch (error) {
      // Suggestions are a help, not a need: the form goes on without them.
      if (error.name !== "AbortError") {
        asked = "";
        place.replaceChildren();
      }
    }
  }

  function show(results) {
    if (results.length === 0) {
      place.replaceChildren();
      return;
    }
    place.replaceChildren(element("h2", "Có thể đã có câu trả lời"), ...results.map(found));
  }
}

function found(result) {
  const details = document.createElement("details");
  details.append(element("summary", result.question), element("div", result.answer, "prose"));
  const article = element("article", "", "found");
  article.append(details);
  return article;
}

// Text only, never HTML: what was published may hold anything.
function element(name, content, style) {
  const made = document.createElement(name);
  made.textContent = content;
  if (style) made.className = style;
  return made;
}
