// The overview moves by itself. Without this file it is read by loading it again.

const RETRY_MS = 10000;
// Longer than a few pulses: nothing is heard.
const SILENCE_MS = 20000;

const live = document.querySelector("#live[data-stream]");
const pulse = document.querySelector("#pulse");
const broken = document.querySelector("#broken");
// What the server sent of each part: a part that is the same is left alone.
const sent = new Map();
let silence;

if (live && window.EventSource) follow();

function follow() {
  const source = new EventSource(live.dataset.stream);
  const again = () => {
    source.close();
    setTimeout(follow, RETRY_MS);
  };
  source.addEventListener("figures", (event) => {
    swap(event.data);
    heard(event.lastEventId);
  });
  source.addEventListener("pulse", (event) => heard(event.data));
  // The session is over: the page itself leads to the sign-in.
  source.addEventListener("ended", () => {
    source.close();
    location.reload();
  });
  source.addEventListener("error", () => {
    unheard();
    // The browser connects again by itself, but not after a refusal.
    if (source.readyState === EventSource.CLOSED) again();
  });
  addEventListener("pagehide", () => source.close(), { once: true });
  wait();
}

function wait() {
  clearTimeout(silence);
  silence = setTimeout(unheard, SILENCE_MS);
}

function heard(at) {
  if (at) {
    for (const time of [pulse, broken.querySelector("time")]) {
      if (!time) continue;
      time.dateTime = at;
      time.textContent = at.slice(11, 19);
    }
  }
  broken.hidden = true;
  document.documentElement.classList.remove("stale");
  wait();
}

function unheard() {
  broken.hidden = false;
  document.documentElement.classList.add("stale");
}

// The server's own page, in which all that is not ours is escaped.
function swap(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const part of page.querySelectorAll("[data-live]")) {
    const key = part.dataset.live;
    const old = live.querySelector(`[data-live="${key}"]`);
    if (sent.get(key) === part.innerHTML) continue;
    sent.set(key, part.innerHTML);
    if (!old || old.innerHTML === part.innerHTML) continue;
    replace(old, part);
  }
}

// Open tables stay open, and the keyboard stays where it was.
function replace(old, part) {
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  const reached = "a, summary, [tabindex]";
  const at = [...old.querySelectorAll(reached)].indexOf(document.activeElement);
  old.className = part.className;
  old.replaceChildren(...part.childNodes);
  old.querySelectorAll("details").forEach((details, n) => {
    details.open = open[n] ?? false;
  });
  if (at >= 0) old.querySelectorAll(reached)[at]?.focus({ preventScroll: true });
  old.classList.remove("moved");
  // Read, so that the mark begins anew.
  void old.offsetWidth;
  old.classList.add("moved");
}
