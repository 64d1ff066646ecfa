/** What reads codes on this device: the browser's own eye, else a decoder that is fetched once and kept. */
export interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

interface Own {
  new (options: object): Detector;
  getSupportedFormats(): Promise<string[]>;
}

/** The decoder is not on this device, and there is no network to fetch it by. */
export class NoDecoder extends Error {}

const FORMATS = ["qr_code", "code_128", "data_matrix", "ean_13"];
const [FIRST, EVERY, PATIENCE] = [20_000, 300_000, 60_000];

async function own(): Promise<Own | null> {
  const found = (window as unknown as { BarcodeDetector?: Own }).BarcodeDetector;
  const formats = (await found?.getSupportedFormats().catch(() => [])) ?? [];
  return found && formats.includes("qr_code") ? found : null;
}

/** Has the worker script keep the decoder with its compiled code; gives whether all is there, null where nobody answers. */
export function kept(): Promise<boolean | null> {
  const worker = navigator.serviceWorker?.controller;
  if (!worker) return Promise.resolve(null);
  const line = new MessageChannel();
  return new Promise((resolve) => {
    line.port1.onmessage = (event) => resolve(event.data === true);
    worker.postMessage("later", [line.port2]);
    setTimeout(() => resolve(null), PATIENCE);
  });
}

/** Gives what reads codes. Raises: NoDecoder */
export async function detector(): Promise<Detector> {
  const found = await own();
  if (found) return new found({ formats: FORMATS });
  if ((await kept()) === false) throw new NoDecoder();
  try {
    const { decoder } = await import("./decoder");
    return await decoder(FORMATS);
  } catch {
    throw new NoDecoder();
  }
}

/** Keeps the decoder in the background: after the first load, and again whenever it may work, until it is there. */
export function keepInBackground(): void {
  let isThere = false;
  let isBusy = false;
  const keep = async () => {
    if (isThere || isBusy || document.hidden) return;
    isBusy = true;
    isThere = Boolean(await own()) || (await kept()) === true;
    isBusy = false;
    if (isThere) clearInterval(timer);
  };
  const timer = setInterval(() => void keep(), EVERY);
  setTimeout(() => void keep(), FIRST);
  addEventListener("online", () => void keep());
  document.addEventListener("visibilitychange", () => void keep());
}
