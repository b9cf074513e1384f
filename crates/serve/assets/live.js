// Brings a page up to date while something is under way.  Without a script the page asks again by itself.
(() => {
  "use strict";
  const live = document.querySelector("[data-events]");
  if (!live) return;
  const source = new EventSource(live.dataset.events);
  const look = async () => {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (answer.redirected || !answer.ok) {
      source.close();
      location.assign(answer.redirected ? answer.url : location.href);
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-events]");
    if (fresh) live.replaceChildren(...fresh.childNodes);
  };
  // The connection may break; the next word brings the page up to date again.
  source.addEventListener("changed", () => look().catch(() => {}));
  source.addEventListener("ended", () => {
    source.close();
    location.reload();
  });
})();
