// What a page is to those who can't take it as it comes. Everything that can be unfolded is unfolded first.
const faults = [];
const fault = function (words, element) {
  faults.push(words + (element ? ": " + element.outerHTML.replace(/\s+/g, " ").slice(0, 160) : ""));
};
const all = function (selector) { return Array.from(document.querySelectorAll(selector)); };
const text = function (element) { return element.textContent.trim(); };
all("details").forEach(function (details) { details.open = true; });

// What it is.
if (document.documentElement.lang !== "zh-CN") { fault("no language"); }
if (!document.title.split("｜")[0].trim()) { fault("no title"); }
const heads = all("h1");
if (heads.length !== 1 || !text(heads[0])) { fault(heads.length + " main headings"); }

// What a screen reader says.
all("input, select, textarea").filter(function (input) { return input.type !== "hidden" && !input.hidden; }).forEach(function (input) {
  const labels = Array.from(input.labels || []).map(text).join("");
  if (!labels && !input.getAttribute("aria-label")) { fault("no label", input); }
});
all("a, button, summary").forEach(function (target) {
  if (!text(target) && !target.getAttribute("aria-label")) { fault("nothing to read", target); }
});
all("main dd").forEach(function (value) {
  if (!text(value)) { fault("nothing behind " + text(value.previousElementSibling), value); }
});
const ids = {};
all("[id]").forEach(function (element) {
  if (ids[element.id]) { fault("the same id twice", element); }
  ids[element.id] = true;
});
all("label[for]").forEach(function (label) {
  if (!ids[label.htmlFor]) { fault("a label of nothing", label); }
});
all("table").forEach(function (table) {
  if (!table.querySelector("th")) { fault("a table without heads", table); }
});

// Words that nobody here can read: English, or names out of the program.
const known = new RegExp("^(" + [
  "[ABGTUX]|AB", "[A-Z]*\\d+[A-Z0-9]*", "[BKMG]B", "JPG|PNG|PDF|XLSX|CSV|ZIP", "jpe?g|png|pdf", "Ctrl|P|Q", "SJ", "sanji",
  "[a-z]{2}-\\d+",
].join("|") + ")$");
const unread = function (words, element) {
  const odd = (words.match(/[A-Za-z][A-Za-z0-9_-]*/g) || []).filter(function (word) { return !known.test(word); });
  if (odd.length) { fault("words that are not Chinese (" + odd.join(", ") + ")", element); }
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = [];
while (walker.nextNode()) {
  const parent = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || parent.closest("script, style, svg, noscript")) { continue; }
  if (!parent.closest(".proof, .number, [data-verbatim]")) { unread(walker.currentNode.data, parent); }
  // Columns of ledgers are as a spreadsheet sorts them; everywhere else a date is written as people write it.
  if (/[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(walker.currentNode.data) && !parent.closest("table.ledger, [data-verbatim]")) {
    fault("a date that is not written out", parent);
  }
  if (!seen.includes(parent)) { seen.push(parent); }
}
all("[placeholder], [aria-label], [title]").forEach(function (element) {
  ["placeholder", "aria-label", "title"].forEach(function (name) { unread(element.getAttribute(name) || "", element); });
});
unread(document.title, document.querySelector("title"));

// What failing eyes can read: WCAG 2.1, 1.4.3.
const canvas = function (element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor.match(/[\d.]+/g).map(Number);
    if (colour.length < 4 || colour[3] > 0.5) { return colour; }
  }
  return [255, 255, 255];
};
const luminance = function (colour) {
  const part = colour.slice(0, 3).map(function (value) {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : Math.pow((share + 0.055) / 1.055, 2.4);
  });
  return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
};
seen.forEach(function (element) {
  const style = getComputedStyle(element);
  if (element.closest(".unseen, .skip, option") || !element.getClientRects().length) { return; }
  const both = [luminance(style.color.match(/[\d.]+/g).map(Number)), luminance(canvas(element))].sort();
  const contrast = (Math.max(both[0], both[1]) + 0.05) / (Math.min(both[0], both[1]) + 0.05);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  if (contrast < (large ? 3 : 4.5)) { fault("too little contrast (" + contrast.toFixed(1) + ")", element); }
});

const way = performance.getEntriesByType("navigation")[0];
const links = all("a[href]").map(function (link) { return new URL(link.href); })
  .filter(function (address) { return address.origin === location.origin; })
  .map(function (address) { return address.pathname + address.search; });
return { status: way.responseStatus, faults: faults, links: Array.from(new Set(links)) };
