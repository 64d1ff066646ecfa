/** What the device keeps: acts in their order, and facts by name. A thin layer over IndexedDB. */
import type { Act } from "./model";

let opened: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("banyan-station", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("acts", { keyPath: "seq", autoIncrement: true });
      asked.result.createObjectStore("facts");
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

type Work<T> = (store: IDBObjectStore) => IDBRequest<T> | void;

/** Runs one transaction; it is done when the disk has it. */
async function run<T>(name: "acts" | "facts", mode: IDBTransactionMode, work: Work<T>): Promise<T> {
  const held = (await database()).transaction(name, mode, { durability: "strict" });
  const asked = work(held.objectStore(name));
  return new Promise((resolve, reject) => {
    held.oncomplete = () => resolve((asked ? asked.result : undefined) as T);
    held.onerror = held.onabort = () => reject(held.error);
  });
}

export const fact = <T>(name: string): Promise<T | undefined> => run<T>("facts", "readonly", (store) => store.get(name));
export const keep = (name: string, value: unknown): Promise<unknown> => run("facts", "readwrite", (store) => store.put(value, name));
export const forget = (name: string): Promise<unknown> => run("facts", "readwrite", (store) => store.delete(name));
export const acts = (): Promise<Act[]> => run<Act[]>("acts", "readonly", (store) => store.getAll());
/** Adds an act; its place in the order is given by the store. */
export const add = (act: Omit<Act, "seq">): Promise<number> =>
  run("acts", "readwrite", (store) => store.add(act)) as Promise<number>;

/** Changes acts as they stand in the store, all or none. */
export const change = (seqs: number[], alter: (act: Act) => Act | null): Promise<unknown> =>
  run("acts", "readwrite", (store) => {
    for (const seq of seqs) {
      const asked = store.get(seq);
      asked.onsuccess = () => {
        const next = asked.result ? alter(asked.result as Act) : null;
        if (next) store.put(next);
        else store.delete(seq);
      };
    }
  });
