import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("navigator", { onLine: true });
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: { lang: "zh" } });

const { cardVerdict, isCard, verdict } = await import("./material");
const { state } = await import("./state");
type Task = import("./model").Task;
type Material = import("./model").Material;
type Found = import("./material").Found;

const line = (more: Partial<Material> = {}): Material =>
  ({ item_id: "i", item: "RM-1", name: "圆钢", tracking: "lot", flushed: true, lots: [{ id: "l", number: "HEAT-1", state: "released", quantity: "50", at: "" }], ...more }) as Material;
const task = (materials: Material[], more: Partial<Task> = {}): Task => ({ id: "t", materials, ...more }) as Task;
const found = (more: Partial<Found> = {}): Found => ({ lot: "l", number: "HEAT-1", state: "released", item_id: "i", item: "RM-1", name: "圆钢", ...more });

describe("what is scanned at a task", () => {
  it("is right, and its lot is used from then on", () => {
    expect(verdict(task([line()]), found())).toMatchObject({ tone: "green", mounts: { lot: "l", left: "50" } });
  });
  it("is the wrong part where nothing lists it", () => {
    const said = verdict(task([line()]), found({ item_id: "other" }));
    expect([said.tone, said.title, said.mounts]).toEqual(["red", "用错料！", undefined]);
    expect(verdict(task([]), found()).tone).toBe("red");
  });
  it("is not used while it is held, nor where it was issued to another order", () => {
    for (const state of ["held", "rejected"] as const) expect(verdict(task([line()]), found({ state }))).toMatchObject({ tone: "red", title: "冻结批次，不能用！" });
    expect(verdict(task([line({ flushed: false, lots: [] })]), found())).toMatchObject({ tone: "red" });
  });
  it("is not used after the day until which it is good", () => {
    vi.useFakeTimers({ now: new Date(2026, 2, 5, 8) });
    expect(verdict(task([line()]), found({ expires: "2026-03-05" })).tone).toBe("green");
    const late = verdict(task([line()]), found({ expires: "2026-03-04" }));
    expect([late.tone, late.title, late.mounts]).toEqual(["red", "批次已过期，不能用！", undefined]);
    expect(cardVerdict(found({ expires: "2026-03-04" }))).toMatchObject({ tone: "red" });
    state.kept = { mark: "", asked: 0, day: { day: "2026-03-06", person: {} } } as never;
    expect(verdict(task([line()]), found({ expires: "2026-03-05" })).tone).toBe("red");
    state.kept = null;
    vi.useRealTimers();
  });
});

describe("a temporary card", () => {
  it("takes whatever is scanned, for who may", () => {
    const card = task([], { temporary: true });
    expect(isCard(card)).toBe(false);
    state.kept = { mark: "", asked: 0, day: { person: { may_use: true } } } as never;
    expect([isCard(card), isCard(task([]))]).toEqual([true, false]);
    expect(cardVerdict(found({ item_id: "anything" }))).toBe(null);
    expect(cardVerdict(found({ lot: undefined, tracking: "none" }))).toBe(null);
  });
  it("asks for the lot where there are lots, and refuses a held one", () => {
    expect(cardVerdict(found({ lot: undefined, tracking: "lot" }))).toMatchObject({ tone: "orange" });
    expect(cardVerdict(found({ state: "held" }))).toMatchObject({ tone: "red" });
  });
});
