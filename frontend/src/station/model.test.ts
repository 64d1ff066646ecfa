import { describe, expect, it } from "vitest";
import { dayOf, isAhead, isUndone, minutesOff, sumsAt, todayWith, withActs, type Act, type KeptDay, type Task } from "./model";

const task = (id: string, sequence: number, room: string): Task =>
  ({ id, order: "w", sequence, room, good: "0", scrap: "0", rework: "0", quantity: "100", ratio: "1", rate: "2", started: 0, state: "open" }) as Task;
const act = (id: string, operation: string | undefined, parts: Act["parts"]): Act =>
  ({ seq: 1, id, operation, parts, kind: "report", at: "", said: "", _person: "p", _state: "waiting", _rate: 2 }) as Act;

const me = { id: "p", name: "", code: "", employee: "e" };
const none = { good: "0", bad: "0", minutes: "0", wage: "0.00", lines: [] };

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
    expect(todayWith(today, [good], [good], me)).toMatchObject({ good: "13", bad: "2", wage: "26.00" });
    expect(todayWith(today, [undo], [good, undo], me)).toMatchObject({ good: "-3", bad: "-2", wage: "-6.00" });
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

describe("the sums of a day without a network", () => {
  const turning = { number: "WO1", sequence: 10, name: "车削", ratio: "2", run_minutes: "3" };
  const made = (id: string, more: Partial<Act> = {}): Act =>
    ({ ...act(id, "t1", [{ id, kind: "good", quantity: "8" }, { id: `${id}-bad`, kind: "scrap", quantity: "2" }]), at: "2026-11-30T09:00:00Z", _task: turning, ...more });
  it("time and lines are counted too, by the routing where nobody has started", () => {
    const line = { number: "WO1", operation: "10 车削", kind: "good" as const, quantity: "5", wage: "10.00" };
    const one = made("a");
    expect(todayWith({ ...none, lines: [line] }, [one], [one], me)).toMatchObject({
      minutes: "15",
      lines: [{ ...line, quantity: "13", wage: "26.00" }, { number: "WO1", operation: "10 车削", kind: "scrap", quantity: "2", wage: "0.00" }],
    });
  });
  it("time is that of the clock from the start or the last count on, once for good and bad together", () => {
    const start = { ...act("s", "t1", [{ id: "s", kind: "start" }]), kind: "start", at: "2026-11-30T08:00:00Z" };
    const [first, second] = [made("a"), made("b", { at: "2026-11-30T09:20:00Z" })];
    expect(todayWith(none, [start, first, second], [start, first, second], me).minutes).toBe("80");
    const pause = { ...act("z", "t1", [{ id: "z", kind: "pause" }]), kind: "pause", at: "2026-11-30T09:00:00Z" };
    expect(todayWith(none, [second], [start, pause, second], me).minutes).toBe("15");
  });
  it.each([
    [[{ employee: "e" }, { employee: "f" }], "4", "1"], [[{ employee: "e", share: "3" }, { employee: "f", share: "1" }], "6", "1.5"],
    [[{ employee: "f" }], "0", "0"], [[{ employee: "f", share: "1" }, { employee: "e", share: "0" }], "0", "0"],
  ])("of what %o share only one's own part counts", (people, goods, bad) => {
    const one = made("a", { people });
    expect(todayWith(none, [one], [one], me)).toMatchObject({ good: goods, bad, wage: (Number(goods) * 2).toFixed(2), minutes: String(Math.round(Number(goods) * 1.5 + Number(bad) * 1.5)) });
  });
  it("what another at this device has told with me counts, what they told alone does not", () => {
    const shared = made("a", { _person: "q", people: [{ employee: "f" }, { employee: "e" }] });
    expect(todayWith(none, [shared, made("b", { _person: "q" })], [], me).good).toBe("4");
  });
  it("what is taken back leaves no line", () => {
    const one = made("a");
    const back = { ...act("u", undefined, [{ id: "u", kind: "undo", reverses: "a" }, { id: "v", kind: "undo", reverses: "a-bad" }]), kind: "undo" };
    expect(todayWith(none, [one, back], [one, back], me)).toEqual({ ...none, minutes: "0" });
  });

  const noon = Date.parse("2026-11-30T04:00:00Z");
  const kept = (day: string, offset = 0): KeptDay =>
    ({ day: { day, zone: "Asia/Shanghai", today: { ...none, good: "70", wage: "99.00" } }, mark: "", asked: 5, offset }) as unknown as KeptDay;
  it("a day is the plant's, whatever the device's own zone", () => {
    expect(dayOf(Date.parse("2026-11-29T15:59:59Z"), "Asia/Shanghai")).toBe("2026-11-29");
    expect(dayOf(Date.parse("2026-11-29T16:00:00Z"), "Asia/Shanghai")).toBe("2026-11-30");
  });
  it("those of yesterday are never today's: it begins at nothing and says whose they are", () => {
    const [late, early] = [made("a", { at: "2026-11-29T15:00:00Z" }), made("b", { at: "2026-11-29T17:00:00Z" })];
    expect(sumsAt(kept("2026-11-29"), [late], me, noon)).toMatchObject({ good: "0", wage: "0.00", minutes: "0", lines: [], isLocal: true });
    expect(sumsAt(kept("2026-11-29"), [late, early], me, noon)).toMatchObject({ good: "8", bad: "2", wage: "16.00", isLocal: true });
    const today = sumsAt(kept("2026-11-30"), [late, early], me, noon);
    expect([today.good, today.isLocal]).toEqual(["78", undefined]);
  });
  it("a night shift goes on after midnight, until its day is over", () => {
    const night = kept("2026-11-29");
    night.day.ends = "2026-11-30T14:00:00+08:00";
    const [two, three] = [Date.parse("2026-11-29T18:00:00Z"), Date.parse("2026-11-30T07:00:00Z")];
    const told = made("a", { at: "2026-11-29T17:30:00Z" });
    expect(sumsAt(night, [told], me, two)).toMatchObject({ good: "78" });
    expect(sumsAt(night, [told], me, two).isLocal).toBe(undefined);
    expect(sumsAt(night, [], me, three)).toMatchObject({ good: "0", isLocal: true });
  });
  it("a clock is told only where it is far off", () => {
    expect([undefined, 0, 299_000, -299_000, 301_000, -3_600_000].map((one) => minutesOff(one))).toEqual([0, 0, 0, 0, 5, -60]);
  });
  it("a wrong clock is set right before the days are compared", () => {
    const day = 86_400_000;
    expect(sumsAt(kept("2026-11-30", day), [], me, noon - day)).toMatchObject({ good: "70" });
    expect(sumsAt(kept("2026-11-30", -day), [], me, noon + day).isLocal).toBe(undefined);
    expect(sumsAt(kept("2026-11-30", -day), [made("a", { at: "2026-12-01T03:00:00Z" })], me, noon + day)).toMatchObject({ good: "78" });
    expect(sumsAt(kept("2026-11-30", day), [], me, noon).isLocal).toBe(true);
  });
  it("taking back what was told yesterday and never sent takes nothing from today", () => {
    const late = made("a", { at: "2026-11-29T15:00:00Z" });
    const back = { ...act("u", undefined, [{ id: "u", kind: "undo", reverses: "a" }]), kind: "undo", at: "2026-11-30T03:00:00Z" };
    expect(sumsAt(kept("2026-11-29"), [late, back], me, noon)).toMatchObject({ good: "0", wage: "0.00" });
  });
});
