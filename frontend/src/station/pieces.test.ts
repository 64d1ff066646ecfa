import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("navigator", { onLine: true });
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: { lang: "zh" } });

const { counted, fault, rest, tapped } = await import("./defects");
const { offered } = await import("./model");
const { spread } = await import("./material");
const { fresh } = await import("./state");

const draft = (more: object) => ({ ...fresh("t"), bad: "6", ...more });

describe("reasons of bad pieces", () => {
  it("the first takes all, the second one of them, and the first what is left", () => {
    const first = draft(tapped(draft({}), "a"));
    expect(counted(first)).toEqual([{ reason: "a", quantity: "6" }]);
    const second = { ...first, ...tapped(first, "b") };
    expect([second.field, counted(second)]).toEqual(["reason:b", [{ reason: "a", quantity: "5" }, { reason: "b", quantity: "1" }]]);
    const third = { ...second, others: { ...second.others, c: "2.5" } };
    expect(rest(third)).toBe(2.5);
    expect(counted({ ...third, ...tapped(third, "a") })).toEqual([{ reason: "b", quantity: "3.5" }, { reason: "c", quantity: "2.5" }]);
  });
  it("of a single piece the second reason takes the place of the first", () => {
    const one = draft({ bad: "1", reason: "a" });
    expect({ ...one, ...tapped(one, "b") }).toMatchObject({ reason: "b", others: {} });
  });
  it.each([
    [{ reason: "" }, true], [{ reason: "a" }, false], [{ reason: "a", others: { b: "6" } }, true], [{ reason: "a", others: { b: "0" } }, true], [{ reason: "a", others: { b: "5" } }, false],
  ])("%o is at fault: %s", (more, isFault) => expect(fault(draft(more)) !== "").toBe(isFault));
});

describe("reasons offered at a task", () => {
  type Reason = import("./model").Reason;
  type Task = import("./model").Task;
  const [all, mill, both] = [{ id: "all" }, { id: "mill", centres: ["m"] }, { id: "both", centres: ["m", "t"] }] as Reason[];
  it.each([
    ["t", [all, both]], ["m", [all, mill, both]], ["other", [all]], [undefined, [all]],
  ])("at the work centre %s", (work_centre_id, found) => expect(offered([all, mill, both], { work_centre_id } as Task)).toEqual(found));
  it("are all where the work centre is not known, where there is no task, and where none would be left", () => {
    expect(offered([all, mill], { isBlind: true } as Task)).toEqual([all, mill]);
    expect(offered([all, mill])).toEqual([all, mill]);
    expect(offered([mill], { work_centre_id: "t" } as Task)).toEqual([mill]);
  });
});

describe("what went into each piece", () => {
  const use = (lot: string, quantity: number, item = "steel") => ({ lot, item, quantity });
  it("lots are used up one after the other, each piece has its part of every item", () => {
    expect(spread([use("h1", 0.75), use("h2", 0.75), use("s", 6, "screw")], [1, 1, 1])).toEqual([
      [use("h1", 0.5), use("s", 2, "screw")], [use("h1", 0.25), use("h2", 0.25), use("s", 2, "screw")], [use("h2", 0.5), use("s", 2, "screw")],
    ]);
  });
  it("components with serial numbers go one into each, and bad pieces take theirs together", () => {
    expect(spread([use("m1", 1), use("m2", 1), use("m3", 1), use("m4", 1)], [1, 1, 2])).toEqual([[use("m1", 1)], [use("m2", 1)], [use("m3", 1), use("m4", 1)]]);
  });
  it("nothing went in where nothing was scanned", () => expect(spread([], [1, 1])).toEqual([[], []]));
});
