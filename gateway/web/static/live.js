// A floor's changes, as they come: calls `onPlaces([{place, status, cause, life, state}], whole)`.
// A lost connection is said (#offline) and heals by itself; the browser tells the server what it saw last.
const SILENT_MS = 40000; // the server speaks every 15 s
const AGAIN_MS = 4000;

// `seen`: the number of the picture that the page was made of; without it everything comes first.
export function follow(floor, onPlaces, onConnected = () => {}, seen = "") {
  const banner = document.getElementById("offline");
  let source, silent, again, ended = false;
  const well = (connected) => {
    clearTimeout(silent);
    silent = setTimeout(reopen, SILENT_MS);
    if (banner) banner.hidden = connected;
    onConnected(connected);
  };
  const take = (whole) => (event) => {
    const told = JSON.parse(event.data);
    seen = event.lastEventId || seen;
    well(told.connected);
    onPlaces(told.places, whole);
  };
  function open() {
    source = new EventSource(`/langsung/${floor}${seen ? `?dari=${seen}` : ""}`);
    source.addEventListener("snapshot", take(true));
    source.addEventListener("places", take(false));
    source.addEventListener("ping", () => { if (!banner || banner.hidden) well(true); });
    source.onerror = () => {
      well(false);
      if (source.readyState === EventSource.CLOSED) reopen(); // an answer that is no stream: browsers give up after it
    };
  }
  function reopen() {
    well(false);
    source.close();
    clearTimeout(again);
    if (!ended) again = setTimeout(open, AGAIN_MS * (0.5 + Math.random()));
  }
  open();
  return () => { ended = true; clearTimeout(silent); clearTimeout(again); source.close(); };
}
