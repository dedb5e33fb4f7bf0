// Before a page is left, warns of text that was typed into a form and not sent. Loaded by officers' and editors'
// pages alone. `data-unsent` marks a form that the server gave back with what was typed.

const forms = document.querySelectorAll("main form[method=post]");

addEventListener("beforeunload", (event) => {
  if (![...forms].some(isUnsent)) return;
  event.preventDefault();
  // Another form was sent, and its sender may choose to stay: then it may be sent again.
  setTimeout(() => {
    for (const form of forms) delete form.dataset.sent;
  });
});

// `data-sent` is set by app.js as a form is sent.
function isUnsent(form) {
  if ("sent" in form.dataset) return false;
  return "unsent" in form.dataset || [...form.elements].some(isTypedInto);
}

function isTypedInto(field) {
  return field.type !== "hidden" && field.defaultValue !== undefined && field.value !== field.defaultValue;
}
