// What does not fit a window of `width` with letters of the size `letters`, a sentence each: what makes the page wider,
// what sticks out of its frame, a table that is cut off without saying so, names and numbers that are broken within a column.
const faults = [];
const fault = function (words, element) { faults.push(words + (element ? ": " + element.outerHTML.replace(/\s+/g, " ").slice(0, 160) : "")); };

const usual = document.body.appendChild(document.createElement("p"));
usual.style.fontSize = "medium";
if (parseFloat(getComputedStyle(usual).fontSize) !== letters && !matchMedia("print").matches) { fault("the browser's letters are not of " + letters + " pixels", usual); }
usual.remove();

const wide = document.scrollingElement.scrollWidth;
if (wide > width) {
  const out = Array.from(document.querySelectorAll("body *")).filter(function (element) {
    return element.getBoundingClientRect().right > width + 1 && !element.closest(".scroll, .skip, .unseen");
  });
  fault(wide + " pixels wide", out[out.length - 1]);
}

document.querySelectorAll("table, input, select, textarea").forEach(function (element) {
  const frame = element.closest("form, section, details, main");
  if (!frame || element.closest(".scroll, .unseen") || !element.offsetParent) { return; }
  const beyond = element.getBoundingClientRect().right - frame.getBoundingClientRect().right;
  if (beyond > 1) { fault(Math.ceil(beyond) + " pixels out of its frame", element); }
});

document.querySelectorAll(".scroll").forEach(function (frame) {
  const said = getComputedStyle(frame, "::before").content !== "none";
  if (frame.scrollWidth > frame.clientWidth + 1 && !said && !matchMedia("print").matches) { fault("more than is seen, unsaid", frame); }
});

// A number is one that a line has room for; a name that stands alone has no more than four characters.
const lines = function (node, from, until) {
  const range = document.createRange();
  range.setStart(node, from);
  range.setEnd(node, until);
  const tops = Array.from(range.getClientRects()).filter(function (box) { return box.width > 0; }).map(function (box) { return box.top; });
  return tops.length && Math.max.apply(null, tops) - Math.min.apply(null, tops) > 4;
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  const element = node.parentElement;
  if (!element.closest("td, th, dd") || element.closest(".proof, .said")) { continue; }
  const wholes = Array.from(node.data.matchAll(/[0-9][0-9.,:%]{1,24}/g), function (found) { return [found.index, found[0]]; });
  const name = node.data.trim();
  if (/^\p{Script=Han}{2,4}$/u.test(name)) { wholes.push([node.data.indexOf(name), name]); }
  wholes.forEach(function (whole) {
    if (lines(node, whole[0], whole[0] + whole[1].length)) { fault("“" + whole[1] + "” is broken", element); }
  });
}
return faults;
