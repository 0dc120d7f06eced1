// On a phone the menu is wider than the screen: show the entry of this page.
const here = document.querySelector(".menu [aria-current]");
here?.parentElement.scrollTo({ left: here.offsetLeft - 16 });
