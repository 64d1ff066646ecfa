import { beforeEach, describe, expect, it, vi } from "vitest";

const [page, answers] = [new EventTarget(), [] as (boolean | null)[]];
const documents = Object.assign(new EventTarget(), { hidden: false });
let asked = 0;
/** Answers as the worker script does, with what stands next; nothing more says true. */
const worker = { postMessage: (text: string, [port]: MessagePort[]) => void (text === "later" && asked++, port.postMessage(answers.shift() ?? true)) };
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
  it("is missing where its compiled code does not come, also without a worker script", async () => {
    vi.stubGlobal("navigator", {});
    made.mockRejectedValue(new TypeError("failed to fetch"));
    await expect(detector()).rejects.toBeInstanceOf(NoDecoder);
  });
  it("is not asked for where the browser has its own", async () => {
    const Own = Object.assign(function () {}, own);
    vi.stubGlobal("window", { BarcodeDetector: Own });
    expect(await detector()).toBeInstanceOf(Own);
    expect(asked).toBe(0);
  });
  it("is asked for again when the page is seen again, until it is there", async () => {
    answers.push(false, false);
    keepInBackground();
    for (const count of [1, 2, 3, 3]) {
      documents.dispatchEvent(new Event("visibilitychange"));
      await settled();
      expect(asked).toBe(count);
    }
    documents.hidden = true;
    page.dispatchEvent(new Event("online"));
    await settled();
    expect(asked).toBe(3);
  });
});
