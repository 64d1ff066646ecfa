import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Photo, Task } from "./model";

class Fake {
  dataset: Record<string, string> = {};
  className = "";
  childNodes = [];
  classList = { add: (): void => undefined, remove: (): void => undefined };
  querySelector = (): null => null;
  insertBefore = (): void => undefined;
  getAttribute = (): null => null;
  addEventListener = (): void => undefined;
  setAttribute = (): void => undefined;
  append = (): void => undefined;
  replaceChildren = (): void => undefined;
  cloneNode = (): Fake => this;
}
const root = new Fake();
vi.stubGlobal("Node", Fake);
vi.stubGlobal("NodeFilter", {});
vi.stubGlobal("navigator", { onLine: true });
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("scrollTo", () => undefined);
vi.stubGlobal("localStorage", { getItem: () => null });
vi.stubGlobal("document", {
  documentElement: { lang: "zh" }, activeElement: null, getElementById: () => root, querySelector: () => null,
  createElement: () => new Fake(), createElementNS: () => new Fake(),
  createTreeWalker: () => ({ nextNode: () => null }),
});

/** What the device holds. */
const facts = new Map<string, unknown>();
const photos = new Map<string, Photo>();
vi.mock("./store", () => ({
  acts: async () => [],
  photos: async () => [...photos.values()],
  fact: async (name: string) => structuredClone(facts.get(name)),
  keep: async (name: string, value: unknown) => void facts.set(name, structuredClone(value)),
  forget: async (name: string) => void facts.delete(name),
  keepAll: async (all: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(all)) value === null ? facts.delete(name) : facts.set(name, structuredClone(value));
  },
  dropUntold: async (digests: string[]) => digests.forEach((one) => photos.get(one)?.act || photos.delete(one)),
}));

const { addScreen, go } = await import("./shell");
const { dropDraft, dropDrafts, fresh, isBegunAt, load, openDraft, setDraft, state } = await import("./state");
const { open } = await import("./tasks");
for (const name of ["task", "tasks", "queue", "menu", "help"]) addScreen(name, () => []);

const [SHOT, CAUGHT, TOLD] = ["a", "b", "c"].map((one) => one.repeat(64));
const one = { ...fresh("one"), good: "12", shares: { e: 2 }, data: { 硬度: "60", 首件: CAUGHT }, photos: [SHOT, TOLD] };
const settled = () => new Promise((done) => setTimeout(done, 0));

describe("what was entered and is not told yet", () => {
  beforeEach(async () => {
    facts.clear();
    photos.clear();
    for (const digest of [SHOT, CAUGHT]) photos.set(digest, { digest, blob: new Blob() });
    photos.set(TOLD, { digest: TOLD, blob: new Blob(), act: "a" });
    const person = { id: "p", name: "赵" };
    facts.set("current", "p").set("people", { p: { person, ticket: "t", proofs: {} } });
    Object.assign(state, { person, screen: "task", draft: null, drafts: {} });
    await setDraft({ ...one });
  });
  it.each(["queue", "menu", "tasks", "help"])("stays while somebody looks at %s, and is there again", async (screen) => {
    go(screen);
    await settled();
    expect([state.draft, facts.get("draft")]).toEqual([one, one]);
    open({ id: "one" } as Task);
    expect([state.screen, state.draft]).toEqual(["task", one]);
  });
  it("stays while another task is told, and when the page is opened anew", async () => {
    await openDraft("two");
    expect([state.draft, isBegunAt("one"), isBegunAt("two")]).toEqual([fresh("two"), true, false]);
    await setDraft(null);
    Object.assign(state, { draft: null, drafts: {} });
    await load();
    await openDraft("one");
    expect([state.draft, state.drafts, photos.size]).toEqual([one, {}, 3]);
    Object.assign(state, { draft: null, drafts: {} });
    await load();
    expect(state.draft).toEqual(one);
  });
  it("is not there where nothing was entered", async () => {
    await setDraft(fresh("two"));
    go("tasks");
    await settled();
    expect([state.draft, facts.has("draft")]).toEqual([null, false]);
  });
  it("goes when it is thrown away, with its photos that no report has", async () => {
    await dropDraft();
    expect([state.draft, facts.has("draft"), [...photos.keys()]]).toEqual([null, false, [TOLD]]);
  });
  it("goes with all that was begun when somebody leaves", async () => {
    await openDraft("two");
    await dropDrafts();
    expect([state.draft, state.drafts, facts.has("draft"), facts.has("drafts"), [...photos.keys()]]).toEqual([null, {}, false, false, [TOLD]]);
  });
  it("is kept for the last twenty tasks; the photos of older ones go", async () => {
    for (let n = 0; n < 20; n++) {
      await openDraft(`task ${n}`);
      await setDraft({ ...fresh(`task ${n}`), good: "1" });
    }
    expect([Object.keys(state.drafts).length, photos.size]).toEqual([20, 3]);
    await openDraft("more");
    expect([Object.keys(state.drafts).length, isBegunAt("one"), photos.size]).toEqual([20, false, 1]);
  });
});
