/** The decoder for browsers that have none: fetched when somebody scans, with its own file of compiled code. */
import { BarcodeDetector, prepareZXingModule } from "barcode-detector/ponyfill";
import wasm from "../../node_modules/zxing-wasm/dist/reader/zxing_reader.wasm?url";

prepareZXingModule({ overrides: { locateFile: (path: string) => (path.endsWith(".wasm") ? wasm : path) } });

export function decoder(formats: string[]) {
  return new BarcodeDetector({ formats: formats as never });
}
