import { beforeEach, describe, expect, it, vi } from "vitest";

const [page, answers] = [new EventTarget(), [] as (boolean | null)[]];
const documents = Object.assign(new EventTarget(), { hidden: false });
let asked = 0;
let isKept = false;
/** Answers as the worker script does, with what stands next; nothing more says true. */
const worker = {
  postMessage: (text: string, [port]: MessagePort[]) => void (text === "later" ? (asked++, port.postMessage(answers.shift() ?? true)) : port.postMessage(isKept)),
};
const own = { getSupportedFormats: async () => ["qr_code"] };
const made = vi.fn(async () => "decoder");

vi.stubGlobal("document", documents);
vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
vi.mock("./decoder", () => ({ decoder: made }));

const { detector, keepInBackground, NoDecoder } = await import("./decoding");
const settled = () => new Promise((next) => setTimeout(next, 20));

describe("the decoder of codes", () => {
  beforeEach(() => {
    asked = 0;
    isKept = false;
    made.mockReset().mockResolvedValue("decoder");
    vi.stubGlobal("window", {});
    vi.stubGlobal("navigator", { serviceWorker: { controller: worker } });
  });
  it("is read from the device once the worker script has it", async () => expect(await detector()).toBe("decoder"));
  it("is missing where it is not kept and cannot be fetched, and is not even tried then", async () => {
    answers.push(false);
    await expect(detector()).rejects.toBeInstanceOf(NoDecoder);
    expect(made).not.toHaveBeenCalled();
  });
  it("is not waited for without a network: it is here or it is not", async () => {
    vi.stubGlobal("navigator", { onLine: false, serviceWorker: { controller: worker } });
    await expect(detector()).rejects.toBeInstanceOf(NoDecoder);
    isKept = true;
    expect(await detector()).toBe("decoder");
    expect(asked).toBe(0);
  });
  it("is missing where its compiled code does not come, also without a worker script", async () => {
    vi.stubGlobal("navigator", {});
    made.mockRejectedValue(new TypeError("failed to fetch"));
    await expect(detector()).rejects.toBeInstanceOf(NoDecoder);
  });
  it("that is here and does not start is not said to be missing", async () => {
    made.mockRejectedValue(new Error("no compiled code on this device"));
    await expect(detector()).rejects.not.toBeInstanceOf(NoDecoder);
  });
  it("is not asked for where the browser has its own", async () => {
    const Own = Object.assign(function () {}, own);
    vi.stubGlobal("window", { BarcodeDetector: Own });
    expect(await detector()).toBeInstanceOf(Own);
    expect(asked).toBe(0);
  });
  it("is asked for again when the page is seen again, until it is there", async () => {
    answers.push(false, false);
    const told = vi.fn();
    keepInBackground(told);
    for (const count of [1, 2, 3, 3]) {
      documents.dispatchEvent(new Event("visibilitychange"));
      await settled();
      expect(asked).toBe(count);
      expect(told.mock.calls.length).toBe(count < 3 ? 0 : 1);
    }
    documents.hidden = true;
    page.dispatchEvent(new Event("online"));
    await settled();
    expect(asked).toBe(3);
  });
  it("is said to be here at once where it is, and is not asked for again", async () => {
    isKept = true;
    documents.hidden = false;
    const told = vi.fn();
    keepInBackground(told);
    await settled();
    expect(told).toHaveBeenCalledTimes(1);
    page.dispatchEvent(new Event("online"));
    await settled();
    expect([asked, told.mock.calls.length]).toEqual([0, 1]);
  });
  it("is asked for again by itself, sooner at first and then more seldom", async () => {
    vi.useFakeTimers();
    documents.hidden = false;
    answers.push(false, false, false);
    keepInBackground(() => undefined);
    const counts = [];
    for (const pause of [20_000, 15_000, 30_000, 60_000, 600_000]) {
      await vi.advanceTimersByTimeAsync(pause);
      counts.push(asked);
    }
    vi.useRealTimers();
    expect(counts).toEqual([1, 2, 3, 4, 4]);
  });
});
