// Keeps what has been loaded, so that the page opens without a network; and sends the headers that
// threads need, which most static hosts don't.

const VERSION = "unbuilt"; // `animegan web` writes here what the files are.
const CACHE = `animegan ${registration.scope} ${VERSION}`;
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(answer(event.request));
});

async function takeOver() {
  const old = (await caches.keys()).filter(
    (name) => name.startsWith(`animegan ${registration.scope} `) && name !== CACHE,
  );
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
  if (kept) return kept;
  const fresh = await fetch(request, { cache: "no-cache" });
  if (!fresh.ok) return fresh;
  const headers = new Headers(fresh.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  const response = new Response(fresh.body, { status: fresh.status, headers });
  await cache.put(request, response.clone());
  return response;
}
