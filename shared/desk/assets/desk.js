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

  document.addEventListener("submit", function (event) {
    if (event.target.hasAttribute("data-download")) { return; }
    if (event.target.getAttribute("data-sent")) { event.preventDefault(); return; }
    event.target.setAttribute("data-sent", "1");
  });
  window.addEventListener("pageshow", function () {
    Array.prototype.forEach.call(document.querySelectorAll("form[data-sent]"), function (form) {
      form.removeAttribute("data-sent");
    });
  });

  // A large file takes minutes: the person sees how far it is, then the answer as if the form had been sent.
  Array.prototype.forEach.call(document.querySelectorAll("form[data-progress]"), function (form) {
    var place = document.getElementById(form.getAttribute("data-progress"));
    if (!place || !window.FormData) { return; }
    form.addEventListener("submit", function (event) {
      if (event.defaultPrevented || form.getAttribute("data-sent")) { return; }
      event.preventDefault();
      form.setAttribute("data-sent", "1");
      var bar = place.querySelector("progress");
      var words = place.querySelector("span");
      var call = new XMLHttpRequest();
      var failed = function () {
        form.removeAttribute("data-sent");
        words.textContent = "没有传完，请检查后重新导入。";
      };
      place.hidden = false;
      call.upload.addEventListener("progress", function (step) {
        if (!step.lengthComputable) { return; }
        bar.value = Math.floor(100 * step.loaded / step.total);
        words.textContent = bar.value < 100 ? "已读取" + bar.value + "%" : "正在存入本站，请稍候";
      });
      call.addEventListener("load", function () {
        document.open();
        document.write(call.responseText);
        document.close();
      });
      ["error", "abort", "timeout"].forEach(function (kind) { call.addEventListener(kind, failed); });
      call.open("POST", form.action);
      call.send(new FormData(form));
    });
  });

  // A table that is wider than its frame says so, and can be moved with the keyboard too.
  var frames = document.querySelectorAll(".scroll");
  var measure = function () {
    Array.prototype.forEach.call(frames, function (frame) {
      var over = frame.scrollWidth > frame.clientWidth + 1;
      frame.classList.toggle("over", over);
      if (!over) { frame.removeAttribute("tabindex"); return; }
      frame.setAttribute("tabindex", "0");
      frame.setAttribute("role", "region");
      frame.setAttribute("aria-label", "表格，可以左右滑动");
    });
  };
  measure();
  window.addEventListener("resize", measure);
  if (window.ResizeObserver) {
    var watch = new ResizeObserver(measure);
    Array.prototype.forEach.call(frames, function (frame) { watch.observe(frame.firstElementChild); });
  }

  // The print button shows itself only where it can do something.
  Array.prototype.forEach.call(document.querySelectorAll("button[data-print]"), function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // After an error the reader, and the screen reader, begin with the summary.
  var summary = document.getElementById("faults");
  if (summary) { summary.focus(); }
})();
