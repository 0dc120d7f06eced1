// On a phone the menu is wider than the screen: show the entry of this page.
const here = document.querySelector(".menu [aria-current]");
here?.parentElement.scrollTo({ left: here.offsetLeft - 16 });
// A browser does not move for an entry that is seen in part: who comes by keyboard sees it whole.
here?.parentElement.addEventListener("focusin", (event) => event.target.scrollIntoView({ block: "nearest", inline: "nearest" }));
