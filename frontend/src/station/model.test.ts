import { describe, expect, it } from "vitest";
import { isAhead, isUndone, todayWith, withActs, type Act, type Task } from "./model";

const task = (id: string, sequence: number, room: string): Task =>
  ({ id, order: "w", sequence, room, good: "0", scrap: "0", rework: "0", quantity: "100", ratio: "1", rate: "2", started: 0, state: "open" }) as Task;
const act = (id: string, operation: string | undefined, parts: Act["parts"]): Act =>
  ({ seq: 1, id, operation, parts, kind: "report", at: "", said: "", _person: "p", _state: "waiting", _rate: 2 }) as Act;

describe("what the device has told", () => {
  const good = act("a", "t1", [{ id: "a", kind: "good", quantity: "8" }, { id: "b", kind: "scrap", quantity: "2" }]);
  const undo = act("u", undefined, [{ id: "u", kind: "undo", reverses: "a" }, { id: "v", kind: "undo", reverses: "b" }]);
  it("is counted on the task and passed on to the next", () => {
    const [first, next] = withActs([task("t1", 10, "100"), task("t2", 20, "0")], [good]);
    expect([first.room, first.good, first.scrap, next.room]).toEqual(["90", "8", "2", "8"]);
  });
  it("is taken off where it was undone", () => {
    const [first, next] = withActs([task("t1", 10, "100"), task("t2", 20, "0")], [good, undo]);
    expect([first.room, first.good, first.scrap, next.room]).toEqual(["100", "0", "0", "0"]);
  });
  it("counts in today's sums", () => {
    const today = { good: "5", bad: "0", minutes: "0", wage: "10.00", lines: [] };
    expect(todayWith(today, [good], [good])).toMatchObject({ good: "13", bad: "2", wage: "26.00" });
    expect(todayWith(today, [undo], [good, undo])).toMatchObject({ good: "-3", bad: "-2", wage: "-6.00" });
  });
  it("is taken back once an undo of it is on its way, but not by one that was refused", () => {
    expect([isUndone(good, [good]), isUndone(good, [good, undo])]).toEqual([false, true]);
    expect(isUndone(good, [good, { ...undo, _state: "refused" }])).toBe(false);
  });
  it("is ahead of the server until it was asked after the answer", () => {
    expect(isAhead(good, 5)).toBe(true);
    expect(isAhead({ ...good, _state: "done", _settled: 4 }, 5)).toBe(false);
    expect(isAhead({ ...good, _state: "done", _settled: 6 }, 5)).toBe(true);
    expect(isAhead({ ...good, _state: "kept", _settled: 6 }, 5)).toBe(false);
  });
});
