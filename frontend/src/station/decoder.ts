/** The decoder for browsers that have none: fetched apart, with its own file of compiled code. */
import { BarcodeDetector, prepareZXingModule } from "barcode-detector/ponyfill";
import wasm from "../../node_modules/zxing-wasm/dist/reader/zxing_reader.wasm?url";

const overrides = { locateFile: (path: string) => (path.endsWith(".wasm") ? wasm : path) };

/** Gives a reader of codes, once its compiled code is there. */
export async function decoder(formats: string[]) {
  await prepareZXingModule({ overrides, fireImmediately: true });
  return new BarcodeDetector({ formats: formats as never });
}
