// Where the browser stands in another zone than the site, the site's zone stays beside each time; else it is noise.
export function localTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-clock]")) {
    const zone = time.nextElementSibling;
    if (!zone || !zone.classList.contains("zone")) continue;
    const there = /(\d{2})[.:](\d{2})/.exec(time.textContent);
    const here = new Date(time.dateTime);
    zone.hidden = !!there && here.getHours() === +there[1] && here.getMinutes() === +there[2];
    if (!zone.hidden) time.title = here.toLocaleTimeString();
  }
}
