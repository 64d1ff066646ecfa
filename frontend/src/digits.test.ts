import { describe, expect, it } from "vitest";
import { stepped, typed } from "./digits";

describe("a number that is being typed", () => {
  it.each([
    ["12", "5", false, "125"],
    ["12", "5", true, "5"],
    ["0", "7", false, "7"],
    ["1.5", ".", false, "1.5"],
    ["", ".", true, "0."],
    ["12", "⌫", true, "1"],
  ])("%s and key %s (first: %s) is %s", (text, key, isFresh, result) => expect(typed(text, key, isFresh)).toBe(result));

  it.each([["1,200", 1, "1201"], ["0.1", 1, "1.1"], ["", -1, "0"], ["x", 1, "1"]])("%s stepped by %i is %s", (text, by, result) =>
    expect(stepped(text, by)).toBe(result));
});
