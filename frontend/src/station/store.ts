/** What the device keeps: acts in their order, facts by name, photos by their hash. A thin layer over IndexedDB. */
import type { Act, Photo } from "./model";

type Name = "acts" | "facts" | "photos";
let opened: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("banyan-station", 2);
    asked.onupgradeneeded = (event) => {
      if (event.oldVersion < 1) {
        asked.result.createObjectStore("acts", { keyPath: "seq", autoIncrement: true });
        asked.result.createObjectStore("facts");
      }
      asked.result.createObjectStore("photos", { keyPath: "digest" });
    };
    asked.onsuccess = () => {
      asked.result.onversionchange = () => asked.result.close();
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

/** What is told waits for the disk; what is still being filled in outlives the page and the browser, and waits for nothing. */
type Lasting = "strict" | "relaxed";

/** Runs one transaction over some stores; it is done when the disk has it, whole or not at all. Where nothing hangs on an answer (`isAll`), it is done though the page goes away at once. */
async function whole<T>(names: Name[], mode: IDBTransactionMode, work: (store: (name: Name) => IDBObjectStore) => IDBRequest<T> | void, durability: Lasting = "strict", isAll = false): Promise<T> {
  const held = (await database()).transaction(names, mode, { durability });
  let asked: IDBRequest<T> | void;
  try {
    asked = work((name) => held.objectStore(name));
    if (isAll) held.commit?.();
  } catch (fault) {
    held.abort(); // or what was asked before the fault would be kept
    throw fault;
  }
  return new Promise((resolve, reject) => {
    held.oncomplete = () => resolve((asked ? asked.result : undefined) as T);
    held.onerror = held.onabort = () => reject(held.error);
  });
}

type Work<T> = (store: IDBObjectStore) => IDBRequest<T> | void;
const run = <T>(name: Name, mode: IDBTransactionMode, work: Work<T>, durability?: Lasting, isAll?: boolean): Promise<T> => whole<T>([name], mode, (store) => work(store(name)), durability, isAll);

export const fact = <T>(name: string): Promise<T | undefined> => run<T>("facts", "readonly", (store) => store.get(name));
export const keep = (name: string, value: unknown): Promise<unknown> => run("facts", "readwrite", (store) => store.put(value, name));
/** Keeps facts by name, all or none; what is null is forgotten. */
export const keepAll = (facts: Record<string, unknown>, durability?: Lasting): Promise<unknown> =>
  run("facts", "readwrite", (store) => {
    for (const [name, value] of Object.entries(facts)) {
      if (value === null) store.delete(name);
      else store.put(value, name);
    }
  }, durability, true);
export const forget = (name: string): Promise<unknown> => run("facts", "readwrite", (store) => store.delete(name));
export const acts = (): Promise<Act[]> => run<Act[]>("acts", "readonly", (store) => store.getAll());
export const photos = (): Promise<Photo[]> => run<Photo[]>("photos", "readonly", (store) => store.getAll());
export const photo = (digest: string): Promise<Photo | undefined> => run<Photo>("photos", "readonly", (store) => store.get(digest));
export const keepPhoto = (one: Photo): Promise<unknown> => run("photos", "readwrite", (store) => store.put(one));
export const dropPhoto = (digest: string): Promise<unknown> => run("photos", "readwrite", (store) => store.delete(digest));

/** Drops photos that no act has; those of an act are on their way. */
export const dropUntold = async (digests: string[]): Promise<unknown> =>
  digests.length && run("photos", "readwrite", (store) => {
    for (const digest of digests) {
      const asked = store.get(digest) as IDBRequest<Photo | undefined>;
      asked.onsuccess = () => asked.result && !asked.result.act && store.delete(digest);
    }
  });

/** Adds an act, gives it its photos, and changes facts with it, all or none; its place in the order is the store's. */
export const add = (act: Omit<Act, "seq">, photos: string[] = [], facts: Record<string, unknown> = {}): Promise<number> =>
  whole(["acts", "facts", "photos"], "readwrite", (store) => {
    for (const digest of photos) {
      const asked = store("photos").get(digest) as IDBRequest<Photo | undefined>;
      asked.onsuccess = () => asked.result && store("photos").put({ ...asked.result, act: act.id, kind: act.kind, person: act._person });
    }
    for (const [name, value] of Object.entries(facts)) {
      if (value === null) store("facts").delete(name);
      else store("facts").put(value, name);
    }
    return store("acts").add(act);
  }) as Promise<number>;

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
