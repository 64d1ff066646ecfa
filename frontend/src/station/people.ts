/** Who may act on this device: signing in by badge, PIN or the product's own session, also without a network. */
import { ask, Refused, Unreached } from "./link";
import type { Known, Person } from "./model";
import { t } from "../words";
import * as store from "./store";

const ROUNDS = 150_000;
const MISSES = 5;
const LOCK = 5 * 60_000;

export interface Device {
  id: string;
  code: string;
  name: string;
}

export const people = async (): Promise<Record<string, Known>> => (await store.fact<Record<string, Known>>("people")) ?? {};
export const device = (): Promise<Device | undefined> => store.fact<Device>("device");

export async function pair(code: string): Promise<Device> {
  const told = await (await ask("pair", { code })).json();
  await store.keep("token", told.token);
  await store.keep("device", told.device);
  return told.device;
}

/** Signs in by a badge's text, or by code and PIN; without a network whoever has done so here before. */
export async function signIn(proof: { badge?: string; code?: string; pin?: string }): Promise<Person> {
  const token = (await store.fact<string>("token")) ?? "";
  try {
    const told = await (await ask("sign-in", proof, { "Station-Device": token })).json();
    await remember(told.person, told.ticket, proof);
    return told.person;
  } catch (fault) {
    if (fault instanceof Refused && fault.code === "station.device_unknown") {
      await store.forget("token");
      await store.forget("device");
    }
    if (!(fault instanceof Unreached)) throw fault;
    return offline(proof);
  }
}

/** Takes the session of the product itself, on a device of one's own; gives nothing where there is none. */
export async function ownSession(): Promise<Person | null> {
  try {
    const answer = await ask("me");
    if (answer.status === 204) return null;
    const told = await answer.json();
    await remember(told.person, told.ticket, {});
    return told.person;
  } catch {
    return null;
  }
}

/** Takes a ticket that a link brought; gives nothing where it does not count. */
export async function byTicket(ticket: string): Promise<Person | null> {
  try {
    const told = await (await ask("me", undefined, { Authorization: `Station ${ticket}` })).json();
    await remember(told.person, told.ticket, {});
    return told.person;
  } catch {
    return null;
  }
}

async function remember(person: Person, ticket: string, proof: { badge?: string; code?: string; pin?: string }): Promise<void> {
  const all = await people();
  const proofs = { ...all[person.id]?.proofs };
  const text = secretOf(proof);
  if (text && crypto.subtle) {
    const salt = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
    proofs[proof.badge ? "badge" : "pin"] = { salt, hash: await stretched(text, salt) };
  }
  await store.keep("people", { ...all, [person.id]: { person, ticket, proofs } });
}

/** Notes that the server wants somebody to sign in again; what they told stays in the queue. */
export async function out(id: string): Promise<void> {
  const all = await people();
  if (all[id]) await store.keep("people", { ...all, [id]: { ...all[id], isOut: true } });
}

async function offline(proof: { badge?: string; code?: string; pin?: string }): Promise<Person> {
  const misses = (await store.fact<{ count: number; until: number }>("misses")) ?? { count: 0, until: 0 };
  if (misses.until > Date.now()) throw new Refused(429, "locked", t("尝试次数过多，请几分钟后再试", "Too many attempts; try again in a few minutes"));
  const text = secretOf(proof);
  if (!crypto.subtle) throw new Refused(503, "offline", t("没有网络，不能登录", "No network: nobody can sign in"));
  for (const known of Object.values(await people())) {
    if (!proof.badge && known.person.code.toLowerCase() !== proof.code?.trim().toLowerCase()) continue;
    const kept = known.proofs[proof.badge ? "badge" : "pin"];
    if (kept && (await stretched(text, kept.salt)) === kept.hash) {
      await store.forget("misses");
      return known.person;
    }
  }
  const count = misses.count + 1;
  await store.keep("misses", count >= MISSES ? { count: 0, until: Date.now() + LOCK } : { count, until: 0 });
  throw new Refused(
    401,
    "offline",
    t("没有网络时，只有在此设备上登录过的人能登录；请核对工牌或 PIN", "Without a network only those can sign in who did so here before; check badge or PIN"),
  );
}

function secretOf(proof: { badge?: string; code?: string; pin?: string }): string {
  if (proof.badge) return proof.badge.trim();
  return proof.pin ? `${proof.code?.trim().toLowerCase()}:${proof.pin}` : "";
}

async function stretched(text: string, salt: string): Promise<string> {
  const bytes = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", bytes.encode(text), "PBKDF2", false, ["deriveBits"]);
  const made = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: bytes.encode(salt), iterations: ROUNDS }, key, 256);
  return btoa(String.fromCharCode(...new Uint8Array(made)));
}
