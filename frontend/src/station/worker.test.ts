import { beforeEach, describe, expect, it, vi } from "vitest";

const LATER = ["/static/dist/assets/decoder.js", "/static/dist/assets/reader.wasm", "/static/dist/assets/part.js"];
const heard: Record<string, (event: unknown) => void> = {};
const kept = new Map<string, string>();
const cache = {
  match: async (path: string) => kept.get(path),
  put: async (path: string, answer: Response) => void kept.set(path, await answer.text()),
};
let reach: (path: string) => Response;
const fetched = vi.fn(async (path: string) => reach(path));

vi.stubGlobal("self", { SHELL: [], LATER, addEventListener: (name: string, act: (event: unknown) => void) => (heard[name] = act) });
vi.stubGlobal("caches", { open: async () => cache });
vi.stubGlobal("fetch", fetched);
await import("./worker");

/** Asks the worker script to keep what comes later; gives whether it says that all is there. */
async function asked(what = "later"): Promise<boolean> {
  const said = vi.fn();
  await new Promise<void>((done) => heard.message({ data: what, ports: [{ postMessage: said }], waitUntil: (work: Promise<void>) => void work.then(done) }));
  return said.mock.calls[0][0] as boolean;
}

const whole = (path: string) => new Response(path);
const dead = () => {
  throw new TypeError("failed to fetch");
};

describe("what the worker script keeps for later", () => {
  beforeEach(() => {
    kept.clear();
    fetched.mockClear();
    reach = whole;
  });
  it("is whole once every file of it is kept, and is not fetched again", async () => {
    expect(await asked("kept")).toBe(false);
    expect(fetched).not.toHaveBeenCalled();
    expect(await asked()).toBe(true);
    expect([...kept.keys()].sort()).toEqual([...LATER].sort());
    expect([await asked(), await asked("kept")]).toEqual([true, true]);
    expect(fetched).toHaveBeenCalledTimes(LATER.length);
  });
  it.each(LATER)("is not whole while %s is lacking, and keeps the others meanwhile", async (lacking) => {
    reach = (path) => (path === lacking ? dead() : whole(path));
    expect(await asked()).toBe(false);
    expect(kept.size).toBe(LATER.length - 1);
    reach = whole;
    expect(await asked()).toBe(true);
    expect(fetched).toHaveBeenCalledTimes(LATER.length + 1);
  });
  it.each([404, 503, 206])("is not whole with an answer of %i in it", async (status) => {
    reach = (path) => (path === LATER[1] ? new Response("part", { status }) : whole(path));
    expect(await asked()).toBe(false);
    expect(kept.has(LATER[1])).toBe(false);
  });
  it("is not whole where the network is cut in the middle of a file", async () => {
    const cut = () => new Response(new ReadableStream({ start: (part) => part.error(new TypeError("cut")) }));
    reach = (path) => (path === LATER[1] ? cut() : whole(path));
    expect(await asked()).toBe(false);
    reach = whole;
    expect(await asked()).toBe(true);
  });
  it("is fetched once, however many ask meanwhile", async () => {
    expect(await Promise.all([asked(), asked(), asked()])).toEqual([true, true, true]);
    expect(fetched).toHaveBeenCalledTimes(LATER.length);
  });
  it("is whole no more once the device has thrown a file away", async () => {
    await asked();
    kept.delete(LATER[0]);
    reach = dead;
    expect(await asked()).toBe(false);
  });
});
