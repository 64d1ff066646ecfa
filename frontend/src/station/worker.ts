/** Keeps the station's shell on the device, so that it opens without a network. Its lists are put before this text. */
const scope = self as unknown as {
  SHELL: string[];
  LATER: string[];
  skipWaiting: () => Promise<void>;
  clients: { claim: () => Promise<void> };
  addEventListener: (name: string, act: (event: any) => void) => void;
};
const PAGE = "/station/";
const NAME = "station-shell";

/** Fetches the page and its files as they are now; what belongs to an older shell goes. */
async function fill(): Promise<void> {
  const held = await caches.open(NAME);
  const wanted = [PAGE, ...scope.SHELL];
  await held.addAll(wanted.map((path) => new Request(path, { cache: "reload" })));
  for (const old of await held.keys()) {
    const path = new URL(old.url).pathname;
    if (!wanted.includes(path) && !path.includes("/assets/")) await held.delete(old);
  }
}

/** Fetches what is not there yet of what the shell does not begin with; says whether all of it is there now. */
async function fillLater(): Promise<boolean> {
  const held = await caches.open(NAME);
  for (const path of scope.LATER) {
    if (await held.match(path)) continue;
    const answer = await fetch(path);
    if (!answer.ok) return false;
    await held.put(path, answer);
  }
  return true;
}

scope.addEventListener("install", (event) => event.waitUntil(fill().then(() => scope.skipWaiting())));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("message", (event) => {
  if (event.data === "later") event.waitUntil(fillLater().catch(() => false).then((isThere) => event.ports[0]?.postMessage(isThere)));
});
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const isPage = request.mode === "navigate" && url.pathname === PAGE;
  if (isPage) event.respondWith(held(PAGE, request, url));
  else if (url.pathname.startsWith("/static/dist/assets/") || url.pathname === "/station/manifest.webmanifest")
    event.respondWith(held(url.pathname, request, url));
});

/** Answers from the device at once; what is not there is fetched, and kept where its name never changes content. */
async function held(path: string, request: Request, url: URL): Promise<Response> {
  const kept = await caches.match(path);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && url.pathname.startsWith("/static/dist/assets/")) {
    const copy = answer.clone();
    void caches.open(NAME).then((cache) => cache.put(path, copy));
  }
  return answer;
}

export {};
