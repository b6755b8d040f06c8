// Keeps the overview honest: when no answer comes, what stands there must look old.
"use strict";

(() => {
  const SILENT_MS = 20000; // four missed refreshes
  const live = document.getElementById("live");
  const away = document.getElementById("away");
  const asOf = document.getElementById("as-of");
  let answered = Date.now();
  let seen = "";

  function show() {
    const old = Date.now() - answered > SILENT_MS;
    away.hidden = !old;
    document.body.classList.toggle("away", old);
  }

  // what was seen already need not be sent again
  live.addEventListener("htmx:configRequest", (event) => {
    if (seen) event.detail.parameters.seen = seen;
  });

  live.addEventListener("htmx:afterRequest", (event) => {
    const request = event.detail.xhr;
    if (event.detail.successful) {
      answered = Date.now();
      seen = request.getResponseHeader("X-Seen") || "";
      asOf.textContent = request.getResponseHeader("X-As-Of") || "";
    }
    show();
  });

  // a phone that wakes up asks at once, and says so if nothing comes
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      show();
      htmx.trigger(live, "refresh");
    }
  });
  setInterval(show, 1000);
})();
