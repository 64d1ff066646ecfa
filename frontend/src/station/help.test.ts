import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("navigator", { onLine: true });
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: { lang: "zh" } });

const { said } = await import("./help");
const { fresh, state } = await import("./state");
type Task = import("./model").Task;

describe("a call for help", () => {
  const call = { category: "c", reason: "", problem: " 划伤 " };
  it("tells the defect reason where one was chosen", () => {
    expect(said({ ...call, reason: "r" }, { id: "o", machine: "m" } as Task)).toEqual({ category: "c", problem: "划伤", defect_reason: "r", operation: "o", machine: "m" });
  });
  it("names the machine that was tapped at the task, not the planned one", () => {
    state.draft = { ...fresh("o"), machine: "other" };
    expect(said(call, { id: "o", machine: "m" } as Task)).toMatchObject({ machine: "other" });
    expect(said(call, { id: "p", machine: "m" } as Task)).toMatchObject({ machine: "m" });
    expect(said(call, { id: "p" } as Task)).not.toHaveProperty("machine");
  });
  it("does without one, and without a task", () => {
    expect(said(call)).toEqual({ category: "c", problem: "划伤" });
  });
});
