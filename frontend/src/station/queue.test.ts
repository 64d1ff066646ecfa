import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Act, Photo } from "./model";

vi.stubGlobal("navigator", { onLine: true });
/** Is called when a round of sending is over. */
const over = vi.fn();
vi.stubGlobal("window", { setTimeout: over });
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: { lang: "en" }, addEventListener: () => undefined });

const photos = new Map<string, Photo>();
let acts: Act[] = [];
vi.mock("./store", () => ({
  acts: async () => acts,
  photos: async () => [...photos.values()],
  keepPhoto: async (one: Photo) => void photos.set(one.digest, one),
  dropPhoto: async (digest: string) => void photos.delete(digest),
  fact: async () => "device",
  change: async (seqs: number[], alter: (act: Act) => Act) => void (acts = acts.map((act) => (seqs.includes(act.seq) ? alter(act) : act))),
}));

let reply: () => Response;
const fetched = vi.fn(async () => reply());
vi.stubGlobal("fetch", fetched);
const queue = await import("./queue");

const DIGEST = "a".repeat(64);
const problem = (status: number, code: string) => () => Response.json({ code, detail: `${code}!` }, { status });

/** Sends the photo once, and waits until that is over. */
async function sent(answer: () => Response): Promise<Photo | undefined> {
  await rounds(answer);
  expect(fetched).toHaveBeenCalledTimes(1);
  return photos.get(DIGEST);
}

/** Sends what there is, and waits until that is over. */
async function rounds(answer: () => Response): Promise<void> {
  over.mockClear();
  reply = answer;
  queue.begin({ changed: () => undefined, people: async () => ({ p: { ticket: "x" } }) as never, out: async () => undefined, settled: async () => undefined });
  await vi.waitFor(() => expect(over).toHaveBeenCalled());
}

describe("a photo on its way", () => {
  beforeEach(() => {
    fetched.mockClear();
    photos.clear();
    photos.set(DIGEST, { digest: DIGEST, blob: new Blob(["x"]), act: "a", kind: "report", person: "p" });
    acts = [{ id: "a", seq: 1, kind: "report", _person: "p", _state: "done", _text: "", _settled: Date.now() } as unknown as Act];
  });
  it("leaves the device once the server says that it has this very photo", async () => {
    expect(await sent(() => Response.json({ digest: DIGEST }))).toBe(undefined);
  });
  it.each([413, 403, 404, 429])("stays, with the reason, where something between answers %i", async (status) => {
    expect((await sent(() => new Response("<html>proxy</html>", { status })))?.fault).toBe(`HTTP ${status}`);
  });
  it.each([
    ["a page", () => new Response("<html>Sign in to the network</html>")],
    ["nothing", () => new Response("null")],
    ["another photo", () => Response.json({ digest: "b".repeat(64) })],
  ])("stays where the answer is well, but of %s", async (_what, answer) => {
    expect((await sent(answer))?.fault).toBe("What answered was not the server");
  });
  it("stays where our server may not take it now, and says why", async () => {
    expect((await sent(problem(403, "not_allowed")))?.fault).toBe("not_allowed!");
  });
  it.each([[409, "station.not_arrived"], [422, "station.wrong_photo"], [401, "station.sign_in_needed"]])("stays without a word for %i %s, which passes", async (status, code) => {
    const kept = await sent(problem(status, code));
    expect([kept?.digest, kept?.fault]).toEqual([DIGEST, undefined]);
  });
  it.each([[problem(403, "not_allowed"), true], [() => new Response("<html>proxy</html>", { status: 403 }), false]])("shows whether the server is reached", async (answer, isReached) => {
    queue.reached(false);
    await sent(answer);
    expect(queue.isReached).toBe(isReached);
  });
  it("goes where our server can never take it, and its act says so", async () => {
    expect(await sent(problem(422, "picture_broken"))).toBe(undefined);
    expect(acts[0]._text).toContain("picture_broken!");
  });
  it("is sent again, and is gone then", async () => {
    await sent(() => new Response("", { status: 413 }));
    fetched.mockClear();
    expect(await sent(() => Response.json({ digest: DIGEST }))).toBe(undefined);
  });
});

describe("acts of somebody signed out", () => {
  const known = { p: { ticket: "x", isOut: true }, q: { ticket: "y" } } as never;
  const one = (seq: number, _person: string, _state = "waiting") => ({ id: `a${seq}`, seq, kind: "report", parts: [], _person, _state }) as unknown as Act;
  beforeEach(() => {
    fetched.mockClear();
    photos.clear();
    acts = [one(1, "p"), one(2, "q"), one(3, "p"), one(4, "p", "done")];
  });
  it("are counted by person, where they have to sign in again", () => {
    expect(queue.stranded(acts, known)).toEqual([{ person: "p", count: 2 }]);
    expect(queue.stranded(acts, {})).toEqual([{ person: "p", count: 2 }, { person: "q", count: 1 }]);
  });
  it("go in the person's name by another one's ticket, and nobody else's do", async () => {
    reply = () => Response.json({ acts: [1, 3].map((n) => ({ id: `a${n}`, state: "flagged", flags: ["sender"], text: "" })), today: {} });
    expect(await queue.sendFor("p", "leader")).toBe("");
    const [path, asked] = fetched.mock.calls[0] as unknown as [string, { body: string; headers: Record<string, string> }];
    const body = JSON.parse(asked.body);
    expect([path, body.person, body.acts.map((act: Act) => act.id), asked.headers.Authorization]).toEqual(["/station/api/sync", "p", ["a1", "a3"], "Station leader"]);
    expect(acts.map((act) => act._state)).toEqual(["flagged", "waiting", "flagged", "done"]);
  });
  it.each([
    ["our server refuses", problem(401, "station.sign_in_needed"), true],
    ["something between refuses", () => new Response("<html>proxy</html>", { status: 403 }), false],
  ])("show whether the server is reached where %s", async (_what, answer, isReached) => {
    acts = [one(1, "p")];
    queue.reached(false);
    await rounds(answer);
    expect([queue.isReached, acts[0]._state]).toEqual([isReached, "waiting"]);
  });
  it("stay, with the reason, where the server refuses", async () => {
    reply = problem(403, "station.not_for_others");
    queue.reached(false);
    expect(await queue.sendFor("p", "worker")).toBe("station.not_for_others!");
    expect([queue.isReached, acts[0]._state]).toEqual([true, "waiting"]);
  });
});
