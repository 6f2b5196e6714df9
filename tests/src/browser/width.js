// What makes the page wider than `width`; null: nothing does.
const wide = document.scrollingElement.scrollWidth;
if (wide <= width) { return null; }
const out = Array.from(document.querySelectorAll("body *")).filter(function (element) {
  return element.getBoundingClientRect().right > width + 1 && !element.closest(".scroll, .skip, .unseen");
});
const worst = out[out.length - 1];
return wide + " pixels wide" + (worst ? ": " + worst.outerHTML.slice(0, 160) : "");
