// A floor's changes, as they come: calls `onPlaces([{place, status, cause, life, state}], whole)`.
// A lost connection is said (#offline) and heals by itself; the browser tells the server what it saw last.
export function follow(floor, onPlaces, onConnected = () => {}) {
  const banner = document.getElementById("offline");
  const silent = { timer: 0 };
  const source = new EventSource(`/langsung/${floor}`);
  const well = (connected) => {
    clearTimeout(silent.timer);
    silent.timer = setTimeout(() => well(false), 40000); // the server speaks every 15 s
    if (banner) banner.hidden = connected;
    onConnected(connected);
  };
  const take = (whole) => (event) => {
    const told = JSON.parse(event.data);
    well(told.connected);
    onPlaces(told.places, whole);
  };
  source.addEventListener("snapshot", take(true));
  source.addEventListener("places", take(false));
  source.addEventListener("ping", () => { if (!banner || banner.hidden) well(true); });
  source.onopen = () => well(true);
  source.onerror = () => well(false);
  return () => { clearTimeout(silent.timer); source.close(); };
}
