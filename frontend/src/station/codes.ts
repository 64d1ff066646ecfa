/** What a printed code says, read without a network: the stable address of a record, `/go/NOUN/ID-or-code`. */
import { hyphened } from "./ids";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const ADDRESS = /(?:^|[/／、\\])go[/／、\\]([a-z][a-z0-9_.]*)[/／、\\]([^?#？＃]+)/i;
const PLAIN = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

export interface Scanned {
  noun: string;
  id?: string;
  code?: string;
}

/** Gives what a scanned text names; a bare text may be a number or a code. */
export function read(text: string): Scanned {
  const plain = text.normalize("NFKC").trim();
  const found = ADDRESS.exec(plain);
  if (!found) return { noun: "", code: plain };
  const noun = found[1].toLowerCase();
  const ref = decodeURIComponent(found[2]).replace(/\/$/, "");
  if (ref.startsWith("=")) return { noun, code: ref.slice(1) };
  const id = idOf(ref);
  return id ? { noun, id } : { noun, code: ref };
}

/** Gives the id that 26 letters and digits stand for, in lower case with hyphens. */
export function idOf(ref: string): string | null {
  if (PLAIN.test(ref)) return hyphened(Uint8Array.from(ref.replace(/-/g, "").match(/../g) ?? [], (two) => parseInt(two, 16)));
  const small = ref.toLowerCase().replace(/o/g, "0").replace(/[il]/g, "1");
  if (small.length !== 26 || [...small].some((one) => !DIGITS.includes(one))) return null;
  let number = 0n;
  for (const one of small) number = number * 32n + BigInt(DIGITS.indexOf(one));
  if (number >= 1n << 128n) return null;
  const bytes = new Uint8Array(16);
  for (let at = 15; at >= 0; at--) {
    bytes[at] = Number(number & 255n);
    number >>= 8n;
  }
  return hyphened(bytes);
}
