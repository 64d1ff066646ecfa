/** Drawings of what is made: small ones on the card, whole on a tap; kept on the device for a shift without a network. */
import { t } from "../words";
import { h, icon } from "./dom";
import type { Drawing, Task } from "./model";
import { render } from "./shell";
import { state } from "./state";

const NAME = "station-drawings";
const MOST = 60;
const shown = new Map<string, string>();
const asked = new Set<string>();
const path = (one: Drawing, isSmall: boolean) => `/station/api/drawing/${one.id}${isSmall ? "/small" : ""}`;

async function content(address: string): Promise<Blob | null> {
  const cache = "caches" in window ? await caches.open(NAME) : null;
  const kept = await cache?.match(address);
  if (kept) return kept.blob();
  const ticket = state.person && state.known[state.person.id]?.ticket;
  if (!ticket) return null;
  try {
    const answer = await fetch(address, { headers: { Authorization: `Station ${ticket}` } });
    if (!answer.ok) return null;
    await cache?.put(address, answer.clone());
    return answer.blob();
  } catch {
    return null;
  }
}

/** Fetches the drawings of somebody's own tasks while there is a network, and lets go of those of no task. */
export async function fetchDrawings(tasks: Task[]): Promise<void> {
  if (!("caches" in window)) return;
  const wanted = tasks.flatMap((task) => (task.drawings ?? []).map((one) => ({ one, isMine: task.mine })));
  const all = new Set(wanted.flatMap(({ one }) => [path(one, true), path(one, false)]));
  const mine = wanted.filter(({ isMine }) => isMine).slice(0, MOST);
  for (const { one } of mine) {
    if (one.small) await content(path(one, true));
    await content(path(one, false));
  }
  const cache = await caches.open(NAME);
  for (const kept of await cache.keys()) if (!all.has(new URL(kept.url).pathname)) await cache.delete(kept);
}

function address(one: Drawing, isSmall: boolean): string | undefined {
  const key = path(one, isSmall);
  if (!shown.has(key) && !asked.has(key)) {
    asked.add(key);
    void content(key).then((blob) => {
      asked.delete(key);
      if (!blob) return;
      shown.set(key, URL.createObjectURL(blob));
      render();
    });
  }
  return shown.get(key);
}

/** Gives the small drawings of a task; each opens on a tap. */
export function drawingStrip(task: Task): HTMLElement | null {
  if (!task.drawings?.length) return null;
  const small = (one: Drawing) => {
    const src = one.small ? address(one, true) : undefined;
    return h("button.drawing", { type: "button", "data-drawing": one.id, onclick: () => void open(one), "aria-label": t("图纸 {name}", "Drawing {name}", { name: one.name }) },
      src ? h("img", { src, alt: "" }) : icon(one.type === "application/pdf" ? "file-type-pdf" : "photo"), h("small", {}, one.name));
  };
  return h("div.drawings", {}, task.drawings.map(small));
}

async function open(one: Drawing): Promise<void> {
  const page = one.type === "application/pdf" ? window.open("", "_blank") : null;
  const blob = await content(path(one, false));
  const src = blob && URL.createObjectURL(blob);
  if (page) {
    if (src) page.location.href = src;
    else page.close();
    return;
  }
  const close = () => {
    sheet.remove();
    if (src) URL.revokeObjectURL(src);
  };
  const picture = src ? h("img", { src, alt: one.name, onclick: () => sheet.classList.toggle("is-large") }) : h("p.scan-note", {}, t("这张图纸还没有下载，联网后再看。", "This drawing is not on the device yet; look again with a network."));
  const sheet = h("div.viewer", { role: "dialog", "aria-modal": "true", "aria-label": one.name },
    h("div.scan-head", {}, h("strong", {}, one.name), h("button.plain", { type: "button", onclick: close, "aria-label": t("关闭", "Close") }, icon("x"))),
    h("div.viewer-view", {}, picture));
  document.body.append(sheet);
}
