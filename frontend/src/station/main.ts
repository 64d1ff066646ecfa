/** The station: sign in, pick or scan a task, tell what was made. Everything works on what the device holds. */
import "./station.css";
import "./icon-192.png?url";
import "./icon-512.png?url";
import "./help";
import "./keeper";
import "./menu";
import "./told";
import { fetchDay, signedOut } from "./day";
import { keepInBackground } from "./decoding";
import { newId } from "./ids";
import * as people from "./people";
import * as queue from "./queue";
import { saidOfStart } from "./report";
import { homeScreen, render } from "./shell";
import { afterwards, enter } from "./sign";
import { load, readQueue, state, today } from "./state";
import * as store from "./store";
import { wide } from "./task";
import { find } from "./tasks";

/** How often it is seen whether a new day has begun. */
const NEW_DAY_EVERY = 60_000;

async function start(): Promise<void> {
  if (!(await store.fact<string>("device.key"))) await store.keep("device.key", newId());
  void navigator.storage?.persist?.();
  await load();
  if (state.person) state.screen = state.draft ? "task" : homeScreen();
  render();
  keepInBackground(() => {
    state.canScan = true;
    render();
  });
  document.body.dataset.ready = "1";
  queue.begin({
    changed: async () => {
      await readQueue();
      render();
    },
    people: people.people,
    out: signedOut,
    settled: async () => {
      await readQueue();
      render();
      saidOfStart();
      await fetchDay();
    },
  });
  const follow = async () => {
    const asked = decodeURIComponent(location.hash.slice(1));
    if (!asked || !state.person) return;
    history.replaceState(null, "", location.pathname);
    await find(asked);
  };
  const brought = /^#enter=(.+)$/.exec(location.hash);
  if (brought) history.replaceState(null, "", location.pathname);
  const invited = brought && (await people.byTicket(decodeURIComponent(brought[1])));
  if (invited) await enter(invited);
  else if (!state.person && !state.device) {
    const own = await people.ownSession();
    if (own) await enter(own);
  } else await fetchDay();
  await follow();
  afterwards.push(follow);
  addEventListener("hashchange", () => void follow());
  addEventListener("online", () => void fetchDay());
  wide.addEventListener("change", render);
  setInterval(() => document.hidden || (today()?.isLocal && void fetchDay()), NEW_DAY_EVERY);
  if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/station/sw.js", { scope: "/station/" });
}

void start();
