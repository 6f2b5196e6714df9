// Comfort only: every page works without this file.
(function () {
  "use strict";

  // Delivery ticks move while the page is open. A form that is being filled in is never touched.
  var ticks = document.querySelector("[data-ticks]");
  if (ticks && window.fetch) {
    // Without anybody at the desk it stops, so that the session can end by itself.
    var rounds = 0;
    ["click", "keydown", "touchstart"].forEach(function (kind) {
      document.addEventListener(kind, function () { rounds = 0; });
    });
    var refresh = function () {
      if (document.hidden || rounds > 150) { return; }
      rounds += 1;
      fetch(ticks.getAttribute("data-ticks"), { credentials: "same-origin", redirect: "error" })
        .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
        .then(function (html) {
          ticks.innerHTML = html;
          var now = ticks.querySelector("[data-rev]");
          var news = document.getElementById("news");
          if (now && news && now.getAttribute("data-rev") !== ticks.getAttribute("data-shown")) { news.hidden = false; }
        })
        .catch(function () { /* the next round tries again */ });
    };
    window.setInterval(refresh, 4000);
    document.addEventListener("visibilitychange", refresh);
  }

  // A second click on a button that is already at work only confuses people; the server would take it once.
  document.addEventListener("submit", function (event) {
    if (event.target.getAttribute("data-sent")) { event.preventDefault(); return; }
    event.target.setAttribute("data-sent", "1");
  });
  window.addEventListener("pageshow", function () {
    Array.prototype.forEach.call(document.querySelectorAll("form[data-sent]"), function (form) {
      form.removeAttribute("data-sent");
    });
  });

  // The print button shows itself only where it can do something.
  Array.prototype.forEach.call(document.querySelectorAll("button[data-print]"), function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // After an error the reader, and the screen reader, begin with the summary.
  var summary = document.getElementById("faults");
  if (summary) { summary.focus(); }
})();
