/*
 * The events of one ledger, newest first, without gaps from the newest down to the oldest loaded.
 *
 * New ones come from the stream, older ones page by page on scrolling.  Whether an event is active follows from
 * the bases alone, so a rewind that arrives updates every loaded card without a request.
 */
import { computed, shallowReactive, shallowRef } from 'vue';
import type { LedgerEvent } from '../api';
import type { Http } from '../http';
import { activeVersions } from '../model/active';

/** Beyond so many missed events, loading the newest page costs less than filling the gap. */
const GAP_MAX = 1000;
/** Where a page stays open for days, the older half is given up at twice so many: it is there to be loaded again. */
export const KEPT = 1000;

type HistoryHttp = Pick<Http, 'newestEvents' | 'eventsAfter' | 'eventsAt' | 'eventsBefore' | 'event'>;

export function useHistory(http: HistoryHttp) {
  const events = shallowRef<readonly LedgerEvent[]>([]);
  const next = shallowRef<string | null>(null);
  const phase = shallowRef<'loading' | 'ready' | 'error'>('loading');
  const loadingMore = shallowRef(false);
  const failedMore = shallowRef(false);
  /** The newest version loaded; 0 while there is none. */
  const top = computed(() => events.value[0]?.version ?? 0);
  const active = computed(() => activeVersions(events.value, top.value));
  /** Single events fetched because a sentence speaks of them. */
  const mentioned = shallowReactive(new Map<number, LedgerEvent | null>());

  /** The version that is known to exist: the list is complete when it reaches it. */
  let expected = 0;
  let busy = false;
  /** Counts the reloads: an answer to a question asked before one is thrown away. */
  let epoch = 0;

  async function load(): Promise<void> {
    const mine = ++epoch;
    busy = true;
    try {
      const page = await http.newestEvents();
      if (mine !== epoch)
        return;
      events.value = page.events;
      next.value = page.next;
      phase.value = 'ready';
      failedMore.value = false;
    } catch {
      if (mine === epoch && phase.value !== 'ready')
        phase.value = 'error';
    } finally {
      if (mine === epoch)
        busy = false;
    }
    if (mine === epoch && phase.value === 'ready')
      await fill();
  }

  /** Fetches what is missing between the newest loaded event and the newest known. */
  async function fill(): Promise<void> {
    if (busy || phase.value !== 'ready' || expected <= top.value)
      return;
    if (expected - top.value > GAP_MAX)
      return load();

    const mine = epoch;
    busy = true;
    let more = true;
    try {
      while (more && expected > top.value) {
        const page = await http.eventsAfter(top.value, GAP_MAX);
        if (mine !== epoch)
          return;
        const after = page.events.filter(({ version }) => version > top.value);
        more = after.length > 0;
        if (more)
          events.value = [...after.reverse(), ...events.value];
      }
    } catch {
      /* The next event, or the next connection, tries again. */
    } finally {
      if (mine === epoch)
        busy = false;
    }
  }

  async function loadMore(): Promise<void> {
    if (next.value === null || loadingMore.value)
      return;
    const mine = epoch;
    loadingMore.value = true;
    failedMore.value = false;
    try {
      const page = await http.eventsAt(next.value);
      if (mine !== epoch)
        return;
      const oldest = events.value.at(-1)?.version ?? Infinity;
      events.value = [...events.value, ...page.events.filter(({ version }) => version < oldest)];
      next.value = page.next;
    } catch {
      failedMore.value = mine === epoch;
    } finally {
      loadingMore.value = false;
    }
  }

  function find(version: number): LedgerEvent | undefined {
    const newest = events.value[0];
    const loaded = newest === undefined ? undefined : events.value[newest.version - version];
    return loaded ?? mentioned.get(version) ?? undefined;
  }

  return {
    events, next, phase, loadingMore, failedMore, top, active,
    load,
    loadMore,
    find,

    /** An event from the stream. */
    receive(event: LedgerEvent) {
      expected = Math.max(expected, event.version);
      if (!busy && phase.value === 'ready' && event.version === top.value + 1)
        events.value = [event, ...events.value];
      else
        void fill();
    },

    /** The ledger is known to have reached this version. */
    expect(version: number) {
      expected = Math.max(expected, version);
      void fill();
    },

    /** Forgets everything: the log is another one, or went back to this version. */
    reload(version: number) {
      expected = version;
      events.value = [];
      next.value = null;
      phase.value = 'loading';
      mentioned.clear();
      return load();
    },

    /** Nobody reads the older ones now: gives up some, where there are very many. */
    trim() {
      if (events.value.length < 2 * KEPT || loadingMore.value)
        return;
      events.value = events.value.slice(0, KEPT);
      next.value = http.eventsBefore(events.value.at(-1)!.version);
    },

    /** Fetches one event for a sentence that mentions it, once. */
    mention(version: number) {
      if (find(version) !== undefined || mentioned.has(version))
        return;
      mentioned.set(version, null);
      http.event(version).then(
        (event) => mentioned.set(version, event),
        () => mentioned.delete(version),
      );
    },
  };
}

export type History = ReturnType<typeof useHistory>;
