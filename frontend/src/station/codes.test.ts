import { describe, expect, it } from "vitest";
import { idOf, read } from "./codes";
import { newId } from "./ids";

const ID = "01a20500-6455-710f-bd5d-44e7b0b61283";

describe("codes", () => {
  it("reads an id in full and in 26 letters and digits", () => {
    expect(idOf(ID)).toBe(ID);
    expect(read(`https://any.host/go/o/${ID}?x=1`)).toEqual({ noun: "o", id: ID });
    expect(idOf("01m8g0gs2nw47vv7adk7pvcyhk")).not.toBe(null);
    expect(idOf("zzzzzzzzzzzzzzzzzzzzzzzzzz")).toBe(null);
  });
  it("reads a name, and a bare text as one", () => {
    expect(read("/go/w/WO2611-00001")).toEqual({ noun: "w", code: "WO2611-00001" });
    expect(read("/GO/W/=.")).toEqual({ noun: "w", code: "." });
    expect(read(" WO2611-00001\n")).toEqual({ noun: "", code: "WO2611-00001" });
  });
  it("makes keys that rise with the time", () => {
    const made = [1, 2, 70_000, 2 ** 41].map((now) => newId(now));
    expect([...made].sort()).toEqual(made);
    expect(made[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
