import { beforeEach, describe, expect, it, vi } from "vitest";

const facts = new Map<string, unknown>();
const ask = vi.fn();
vi.mock("./store", () => ({ fact: async (name: string) => facts.get(name), keep: async (name: string, value: unknown) => void facts.set(name, value) }));
vi.mock("./link", () => ({ ask }));
const { fetchOrders, labelled } = await import("./orders");

const [first, second] = [10, 20].map((sequence) => ({ id: `op${sequence}`, sequence, name: "车削", quantity: "30", places: 0 }));
const order = { id: "order", number: "WO2611-00004", item: "FG-1", item_name: "减速机", unit: "件", operations: [first, second] };
const whole = () => new Response(JSON.stringify({ orders: [order] }), { headers: { ETag: '"a"' } });
const ids = async (scanned: { noun: string; id?: string; code?: string }) => (await labelled(scanned, "zhao")).map((one) => one.id);

describe("the orders at work that a device knows", () => {
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    facts.clear();
    ask.mockReset().mockImplementation(async () => whole());
    await fetchOrders("zhao", "ticket");
  });
  it("tell what the label of an order and of an operation stands for", async () => {
    expect(await ids({ noun: "w", id: "order" })).toEqual(["op10", "op20"]);
    expect(await ids({ noun: "", code: "wo2611-00004" })).toEqual(["op10", "op20"]);
    expect(await ids({ noun: "o", id: "op20" })).toEqual(["op20"]);
    expect(await ids({ noun: "", code: "WO2611" })).toEqual([]);
    expect(await ids({ noun: "", code: "" })).toEqual([]);
    expect(await labelled({ noun: "w", id: "order" }, "qian")).toEqual([]);
    const [task] = await labelled({ noun: "o", id: "op10" }, "zhao");
    expect(task).toMatchObject({ id: "op10", order: "order", number: "WO2611-00004", sequence: 10, quantity: "30", item: "FG-1", isBlind: true });
  });
  it("are asked for again after ten minutes, and by their mark", async () => {
    await fetchOrders("zhao", "ticket");
    expect(ask).toHaveBeenCalledTimes(1);
    vi.setSystemTime(Date.now() + 601_000);
    ask.mockResolvedValue(new Response(null, { status: 304 }));
    await fetchOrders("zhao", "ticket");
    expect(ask).toHaveBeenLastCalledWith("orders", undefined, { Authorization: "Station ticket", "If-None-Match": '"a"' });
    expect(await ids({ noun: "w", id: "order" })).toEqual(["op10", "op20"]);
    await fetchOrders("zhao", "ticket");
    expect(ask).toHaveBeenCalledTimes(2);
  });
  it("stay known while nobody answers", async () => {
    vi.setSystemTime(Date.now() + 601_000);
    ask.mockRejectedValue(new Error("unreached"));
    await fetchOrders("zhao", "ticket");
    expect(await ids({ noun: "o", id: "op10" })).toEqual(["op10"]);
  });
});
