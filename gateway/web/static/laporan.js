// A date that is filled in is meant: the period becomes "chosen dates" by itself.
const period = document.querySelector("#periode");
for (const input of document.querySelectorAll("[data-dates] input")) {
  input.addEventListener("input", () => { period.value = "rentang"; });
}
