import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Act, Person } from "./model";

const held: Act[] = [];
vi.stubGlobal("navigator", { onLine: false });
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: { lang: "zh" } });
vi.mock("./shell", () => ({ addScreen: () => undefined, go: () => undefined, pad: () => null, render: () => undefined, sum: () => null, homeScreen: () => "tasks" }));
vi.mock("./queue", () => ({ isReached: false, put: async (act: Act) => void held.push(act) }));
vi.mock("./store", () => ({ acts: async () => [...held] }));

const { notOurs, undo } = await import("./report");
const { state } = await import("./state");

const told = (more: Partial<Act> = {}): Act => ({
  seq: 1, id: "a", kind: "report", at: "", operation: "gone", parts: [{ id: "a", kind: "good", quantity: "8" }, { id: "b", kind: "scrap", quantity: "2" }],
  said: "WO1 30 检验 · 合格 8", _person: "p", _state: "done", ...more,
});

describe("taking a report back", () => {
  beforeEach(() => {
    held.splice(0);
    Object.assign(state, { person: { id: "p", name: "", code: "", employee: null } as Person, kept: null, acts: [], note: "", screen: "done" });
  });
  it("needs no task in the day, and takes back each part", async () => {
    const act = told();
    held.push(act);
    state.acts = [act];
    await undo(act);
    expect(held.at(-1)).toMatchObject({ kind: "undo", _state: "waiting", parts: [{ kind: "undo", reverses: "a" }, { kind: "undo", reverses: "b" }] });
    expect(held.at(-1)?.operation).toBe(undefined);
    expect([state.screen, state.note]).toEqual(["tasks", "已撤销：WO1 30 检验 · 合格 8"]);
  });
  it("is told once, however often it is pressed, and says so", async () => {
    const act = told();
    held.push(act);
    state.acts = [act];
    await Promise.all([undo(act), undo(act)]);
    state.screen = "queue";
    await undo(act);
    expect(held.filter((one) => one.kind === "undo")).toHaveLength(1);
    expect([state.screen, state.note]).toEqual(["queue", "这条报工已经撤销过了"]);
  });
  it.each([[{ _state: "refused" as const }, "没有入账"], [{ _person: "q" }, "自己的"]])("says why it is not done: %o", async (more, why) => {
    await undo(told(more));
    expect(held).toEqual([]);
    expect(state.note).toContain(why);
  });
});

describe("a task that others report at", () => {
  type Task = import("./model").Task;
  it("says who they are and that the leader will look", () => {
    expect(notOurs({ outside: "skilled", skill: "数控车削" } as Task)).toBe("这道工序由有“数控车削”技能的人报工。您报的照样入账，班组长会看。");
    expect(notOurs({ outside: "given" } as Task)).toBe("这道工序由派到的人报工。您报的照样入账，班组长会看。");
    expect(notOurs({} as Task)).toBe("");
  });
});
