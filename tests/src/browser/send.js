// Fills in and sends the form whose address is the first argument; the second: names and values.
const action = arguments[0];
const form = Array.from(document.forms).find(function (form) {
  return form.getAttribute("action") === action && form.method === "post";
});
if (!form) { throw new Error("no form is sent to " + action); }
for (let holder = form.parentElement; holder; holder = holder.parentElement) {
  if (holder.tagName === "DETAILS") { holder.open = true; }
}
let button;
arguments[1].forEach(function (pair) {
  const field = form.elements.namedItem(pair[0]);
  if (!field) { throw new Error("no field " + pair[0] + " in the form for " + action); }
  if (field.tagName === "BUTTON") {
    button = field;
  } else if (field.length && field[0].tagName === "BUTTON") {
    button = Array.from(field).find(function (one) { return one.value === pair[1]; });
  } else if (field.type === "checkbox") {
    field.checked = true;
  } else {
    field.value = pair[1];
    if (field.value !== pair[1] && field.type !== "textarea") { throw new Error(pair[0] + " can't be " + pair[1]); }
  }
});
form.requestSubmit(button);
