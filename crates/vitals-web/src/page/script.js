// Keeps the page current and remembers the token for this tab. The page is whole without it.
"use strict";

const REFRESH_MS = 1000;
const TOKEN = "mcp-vitals-token";

// The token: from the link that `watch` prints, or from the form that was filled in before.
const link = new URLSearchParams(location.hash.slice(1)).get("token");
if (link) {
  sessionStorage.setItem(TOKEN, link);
  history.replaceState(null, "", location.pathname + location.search);
}
if (document.querySelector("[data-refused]")) sessionStorage.removeItem(TOKEN);

function fillToken() {
  const token = sessionStorage.getItem(TOKEN);
  if (!token) return;
  for (const input of document.querySelectorAll("input[name=token]")) {
    input.value = token;
    input.closest("label").hidden = true;
  }
}
fillToken();

const AUTHOR = "mcp-vitals-author";
function fillAuthor() {
  const author = localStorage.getItem(AUTHOR);
  if (!author) return;
  for (const input of document.querySelectorAll("input[name=author]")) if (!input.value) input.value = author;
}
fillAuthor();

document.addEventListener("submit", (event) => {
  const { token, author } = event.target.elements;
  if (token?.value) sessionStorage.setItem(TOKEN, token.value);
  if (author?.value) localStorage.setItem(AUTHOR, author.value);
});

// A choice in a filter is carried out at once.
document.addEventListener("change", (event) => {
  if (event.target.matches("form[method=get] select")) event.target.form.requestSubmit();
});

// Parts that changed are replaced; what is open stays open, what has the focus keeps it, what is typed stays.
function replace(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old || old.isEqualNode(fresh)) return;
  const active = document.activeElement;
  const inside = old.contains(active) ? active : null;
  if (inside?.matches("input, select, textarea")) return;
  const opened = [...old.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
  const link = inside?.getAttribute("href");
  for (const summary of fresh.querySelectorAll("details > summary")) {
    if (opened.includes(summary.textContent)) summary.parentElement.open = true;
  }
  old.replaceWith(document.adoptNode(fresh));
  if (!inside) return;
  const now = [...fresh.querySelectorAll("a, summary, button, [tabindex]")];
  const same = now.find((one) => (link ? one.getAttribute("href") === link : one.textContent === inside.textContent));
  same?.focus({ preventScroll: true });
}

async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = document.getElementById("state")?.textContent;
  for (const part of page.querySelectorAll("[data-live][id]")) replace(part);
  const after = document.getElementById("state")?.textContent;
  if (before !== after) document.getElementById("say").textContent = after;
}

if (document.querySelector("[data-live]")) {
  let wanted = false;
  let busy = false;
  const turn = async () => {
    if (busy || document.hidden) return;
    [wanted, busy] = [false, true];
    try {
      await refresh();
    } catch {
      // The watch ended or the network failed: the stream comes back by itself, and then so does this.
    }
    setTimeout(() => {
      busy = false;
      if (wanted) turn();
    }, REFRESH_MS);
  };
  const want = () => {
    wanted = true;
    turn();
  };
  const stream = new EventSource("/api/v1/stream?view=brief");
  let first = true;
  stream.addEventListener("changed", () => {
    if (!first) want();
    first = false;
  });
  const lost = (is) => document.body.toggleAttribute("data-lost", is);
  stream.addEventListener("open", () => lost(false));
  stream.addEventListener("error", () => {
    if (!document.body.hasAttribute("data-lost")) document.getElementById("say").textContent = "The connection to the watch is lost.";
    lost(true);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && wanted) turn();
  });
}
