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
/** After so long a file that does not come is given up, and tried again later. */
const SECONDS = 120;

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

/** Gives the files that come later and are not on the device yet. */
async function lacking(): Promise<string[]> {
  const held = await caches.open(NAME);
  const found = await Promise.all(scope.LATER.map((path) => held.match(path)));
  return scope.LATER.filter((_, place) => !found[place]);
}

const isWhole = async (): Promise<boolean> => (await lacking()).length === 0;

/** Fetches what is not there yet of what the shell does not begin with; says whether every file of it is there now. */
async function fillLater(): Promise<boolean> {
  const held = await caches.open(NAME);
  for (const path of await lacking()) {
    // one that fails hinders no other: what has come stays, and the next attempt needs the rest only
    const answer = await fetch(path, { signal: AbortSignal.timeout?.(SECONDS * 1000) }).catch(() => null);
    if (answer?.status === 200) await held.put(path, answer).catch(() => null);
  }
  return isWhole();
}

let filling: Promise<boolean> | null = null;

/** Fills what comes later, once at a time, whoever asks meanwhile. */
const later = (): Promise<boolean> => (filling ??= fillLater().finally(() => (filling = null)));
const ANSWERS: Record<string, () => Promise<boolean>> = { later, kept: isWhole };

scope.addEventListener("install", (event) => event.waitUntil(fill().then(() => scope.skipWaiting())));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("message", (event) => {
  const answer = ANSWERS[event.data as string];
  if (answer) event.waitUntil(answer().catch(() => false).then((isThere) => event.ports[0]?.postMessage(isThere)));
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
