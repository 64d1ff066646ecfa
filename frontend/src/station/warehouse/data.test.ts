import { describe, expect, it } from "vitest";
import type { Act } from "../model";
import { named, sameShelf, withTold, type Day, type Kept } from "./data";

const LOT = "0190a000-0000-7000-8000-000000000001";
const day = {
  orders: [{ id: "po", number: "PO-1", party: "Steel", lines: [{ line: "l1", open: "10" }, { line: "l2", open: "4" }] }],
  gate: [{ id: "r", number: "RC-1", party: "Steel", lines: [{ line: "g1", open: "6" }] }],
  counts: [{ id: "c", lines: [{ line: "x", item: "i", lot: "", location: "b", owner: "", is: "open" }] }],
  places: [{ id: "b", code: "RAW-01", name: "Bars", kind: "bin", barcode: "998877" }],
  items: [{ id: "i", code: "MP-1" }],
  lots: [{ id: LOT, number: "H-7", item: "i", state: "held" }],
  work: [], shipments: [], may: [], day: "",
} as unknown as Day;
const kept: Kept = { day, mark: "", asked: 100 };
const act = (kind: Act["kind"], body: Record<string, unknown>, more: Partial<Act> = {}): Act =>
  ({ seq: 1, id: kind, kind, at: "", parts: [], said: "", body, _person: "p", _state: "waiting", ...more }) as Act;

describe("a shift's papers", () => {
  it("count what the phone has told since", () => {
    const gate = act("gate", { lines: [{ order_line: "l1", quantity: "7" }, { order_line: "l2", quantity: "4" }] });
    const store = act("store", { lines: [{ receipt_line: "g1", accepted: "5", rejected: "1" }] });
    const count = act("count", { count: "c", found: [{ item: "i", location: "b", quantity: "3" }] });
    const now = withTold(kept, [gate, store, count]);
    expect(now.orders[0].lines.map((line) => [line.line, line.open])).toEqual([["l1", "3"]]);
    expect(now.gate).toEqual([]);
    expect(now.counts[0].lines[0].is).toBe("done");
  });
  it("let what has just come be put away before the server knows of it", () => {
    const gate = act("gate", { order: "po", lines: [{ order_line: "l1", quantity: "7", supplier_lot: "H-9" }] }, { id: "new" });
    const [, paper] = withTold(kept, [gate]).gate;
    expect([paper.id, paper.number, paper.lines[0]]).toMatchObject(["new", "PO-1", { line: "new:l1", open: "7", lot_number: "H-9", isWaiting: true }]);
    const store = act("store", { receipt: "new", lines: [{ order_line: "l1", accepted: "3", rejected: "1" }] });
    expect(withTold(kept, [gate, store]).gate[1].lines[0].open).toBe("3");
    const known = { ...kept, day: { ...day, gate: [{ id: "new", number: "RC-2", party: "Steel", lines: [{ line: "g2", order_line: "l1", open: "7" }] }] } } as Kept;
    expect(withTold(known, [{ ...gate, _state: "done", _settled: 500 }, store]).gate.map((one) => [one.number, one.lines[0].open])).toEqual([["RC-2", "3"]]);
  });
  it("have pieces with serial numbers stand together, and one by one once the server has named them", () => {
    const tracked = { ...day, orders: [{ ...day.orders[0], lines: [{ line: "l1", open: "3", tracking: "serial" }] }] } as unknown as Day;
    const gate = act("gate", { order: "po", lines: [{ order_line: "l1", quantity: "3" }] }, { id: "new" });
    const store = act("store", { receipt: "new", lines: [{ order_line: "l1", accepted: "2", rejected: "0" }] });
    expect(withTold({ ...kept, day: tracked }, [gate, store]).gate[1].lines.map((line) => line.open)).toEqual(["1"]);
    const lines = ["s1", "s2", "s3"].map((line) => ({ line, order_line: "l1", open: "1" }));
    const known = { ...kept, day: { ...tracked, gate: [{ id: "new", number: "RC-2", party: "Steel", lines }] } } as unknown as Kept;
    expect(withTold(known, [{ ...gate, _state: "done", _settled: 500 }, store]).gate[0].lines.map((line) => line.line)).toEqual(["s3"]);
  });
  it("forget what the server has counted already, and what it refused", () => {
    const gate = act("gate", { lines: [{ order_line: "l1", quantity: "7" }] }, { _state: "done", _settled: 50 });
    const refused = act("gate", { lines: [{ order_line: "l1", quantity: "2" }] }, { _state: "refused", _settled: 500 });
    expect(withTold(kept, [gate, refused]).orders[0].lines[0].open).toBe("10");
  });
});

describe("a label", () => {
  it("is read by code, barcode, number and address", () => {
    expect(named(day, "raw-01")).toMatchObject({ noun: "b", id: "b" });
    expect(named(day, " 998877\n")).toMatchObject({ noun: "b" });
    expect(named(day, "H-7")).toMatchObject({ noun: "l", id: LOT });
    expect(named(day, `https://x.example/go/l/${LOT}`)).toMatchObject({ noun: "l", id: LOT });
    expect(named(day, "/go/i/=MP-1")).toMatchObject({ noun: "i", id: "i" });
    expect(named(day, "PO-1")).toMatchObject({ noun: "po", id: "po" });
    expect(named(day, "🙂")).toBeNull();
  });
  it("of another noun is not taken for one's own", () => {
    expect(named(day, "/go/l/=MP-1")).toBeNull();
  });
  it("of a lot in a place is one shelf, owners apart", () => {
    expect(sameShelf({ item: "i", location: "b" }, { item: "i", lot: "", location: "b", owner: "" })).toBe(true);
    expect(sameShelf({ item: "i", location: "b", owner: "p" }, { item: "i", location: "b" })).toBe(false);
  });
});
