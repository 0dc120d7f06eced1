// A floor's changes, as they come: calls `onPlaces([{place, status, cause, life, state}], whole)`.
// A lost connection is said (#offline) and heals by itself; the browser tells the server what it saw last. A session
// that has ended does not heal: the page is loaded again, and asks to sign in.
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
  const address = () => `/langsung/${floor}${seen ? `?dari=${seen}` : ""}`;
  function open() {
    source = new EventSource(address());
    source.addEventListener("snapshot", take(true));
    source.addEventListener("places", take(false));
    source.addEventListener("ping", () => { if (!banner || banner.hidden) well(true); });
    source.onerror = () => {
      well(false);
      if (source.readyState !== EventSource.CLOSED) return;
      reopen(); // an answer that is no stream: browsers give up after it
      signedOut().then((out) => { if (out && !ended) location.reload(); });
    };
  }
  async function signedOut() {
    const enough = new AbortController();
    try {
      const answer = await fetch(address(), { redirect: "manual", cache: "no-store", signal: enough.signal });
      return answer.type === "opaqueredirect" || answer.status === 401;
    } catch {
      return false;
    } finally {
      enough.abort(); // should it be a stream again
    }
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
