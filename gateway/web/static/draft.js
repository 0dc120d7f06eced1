// What was sent after the session had ended is in its form again when its writer has signed in: it is kept from the
// sending until the form, a page that has it ([data-forget]), or the sign-out is seen. In this tab alone, and never for
// another account.
const KEY = "hadir-draft";

function fill(form, fields) {
  for (const [name, value] of fields) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]:not([type=hidden])`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }
}

const kept = sessionStorage.getItem(KEY);
const form = document.querySelector("form[data-draft]");
if (form) {
  const told = kept ? JSON.parse(kept) : {};
  if (told.of === form.dataset.draft && told.form === form.getAttribute("action")) fill(form, told.fields);
  form.addEventListener("submit", () => {
    const fields = [...new FormData(form)].filter(([name]) => name !== "csrf");
    sessionStorage.setItem(KEY, JSON.stringify({ of: form.dataset.draft, form: form.getAttribute("action"), fields }));
  });
}
if (form || document.querySelector("[data-forget]")) sessionStorage.removeItem(KEY);
