import { describe, expect, it } from "vitest";
import { asDay, asNumber, asTruth, readBlock, readHeads } from "./paste";

describe("a block from a spreadsheet", () => {
  it.each([
    ["a\tb\nc\td\n", [["a", "b"], ["c", "d"]]],
    ["a\tb\r\nc\td\r\n", [["a", "b"], ["c", "d"]]],
    ["a\t\t\n\tb\t", [["a", "", ""], ["", "b", ""]]],
    ['"two\nlines"\t"say ""yes"""', [["two\nlines", 'say "yes"']]],
    ['5" pipe\tx', [['5" pipe', "x"]]],
    ["one", [["one"]]],
  ])("%j is read as rows of cells", (text, rows) => expect(readBlock(text)).toEqual(rows));

  it("names its columns when its first row does", () => {
    expect(readHeads(["数量", "物料"], ["物料*", "数量 *", "单价"])).toEqual([1, 0]);
    expect(readHeads(["数量", "说不清"], ["物料", "数量"])).toEqual([1, null]);
    expect(readHeads(["FG-1", "12"], ["物料", "数量"])).toBeNull();
  });
});

describe("a pasted cell", () => {
  it.each([["1,234.50", "1234.50"], ["￥ 12", "12"], ["13%", "13"], ["-5", "-5"]])("%s is the number %s", (text, value) =>
    expect(asNumber(text)).toBe(value));
  it.each([["2026/3/2", "2026-03-02"], ["2026年11月22日", "2026-11-22"], ["2026-1-9", "2026-01-09"], [" 昨天 ", "昨天"]])(
    "%s is the day %s", (text, value) => expect(asDay(text)).toBe(value));
  it.each([["是", true], ["Yes", true], ["√", true], ["否", false], ["", false]])("%s is %s", (text, value) =>
    expect(asTruth(text)).toBe(value));
});
