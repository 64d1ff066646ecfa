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
/** When the decoder is first asked for, how soon again after a miss, how late at most (ms); how long an answer is waited for. */
const [FIRST, SOON, LATE, PATIENCE] = [20_000, 15_000, 300_000, 60_000];

async function own(): Promise<Own | null> {
  const found = (window as unknown as { BarcodeDetector?: Own }).BarcodeDetector;
  const formats = (await found?.getSupportedFormats().catch(() => [])) ?? [];
  return found && formats.includes("qr_code") ? found : null;
}

/** Asks the worker script whether the decoder with its compiled code is all on the device, null where nobody answers.
 *
 * Takes:  later: it is to fetch what lacks; kept: it is only to say
 */
export function kept(what: "later" | "kept" = "later"): Promise<boolean | null> {
  const worker = navigator.serviceWorker?.controller;
  if (!worker) return Promise.resolve(null);
  const line = new MessageChannel();
  return new Promise((resolve) => {
    line.port1.onmessage = (event) => resolve(event.data === true);
    worker.postMessage(what, [line.port2]);
    setTimeout(() => resolve(null), PATIENCE);
  });
}

/** Gives what reads codes. Raises: NoDecoder where it is not all here; what it says itself where it does not start. */
export async function detector(): Promise<Detector> {
  const found = await own();
  if (found) return new found({ formats: FORMATS });
  // without a network there is nothing to wait for: what lacks does not come now
  const isKept = await kept(navigator.onLine === false ? "kept" : "later");
  if (isKept === false) throw new NoDecoder();
  try {
    const { decoder } = await import("./decoder");
    return await decoder(FORMATS);
  } catch (fault) {
    throw isKept ? fault : new NoDecoder();
  }
}

/** Keeps the decoder in the background: after the first load, and again and again until the worker script says that all is there. */
export function keepInBackground(told: () => void): void {
  let [isThere, isBusy, isOwed, pause] = [false, false, false, SOON];
  const found = (now: boolean) => {
    if (now && !isThere) told();
    isThere ||= now;
  };
  const keep = async (): Promise<void> => {
    if (isThere || document.hidden) return;
    isOwed = isBusy;
    if (isBusy) return;
    isBusy = true;
    clearTimeout(timer);
    found(Boolean(await own()) || (await kept()) === true);
    isBusy = false;
    if (isThere) return;
    if (isOwed) return keep();
    timer = setTimeout(keep, pause);
    pause = Math.min(LATE, pause * 2);
  };
  const soon = () => {
    pause = SOON;
    void keep();
  };
  let timer = setTimeout(keep, FIRST);
  addEventListener("online", soon);
  document.addEventListener("visibilitychange", soon);
  void own().then(async (eye) => found(Boolean(eye) || (await kept("kept")) === true));
}
