/*
 * Who one is here, and whether one may change anything: what the server says, asked again whenever it may have changed.
 *
 * It only decides what the page offers.  What may be done is decided by the server, with each command.
 */
import { computed, onScopeDispose, shallowRef, watch } from 'vue';
import type { Session } from '../api';
import { HttpError } from '../http';
import { backoffMs } from '../model/backoff';
import type { Presence } from './usePresence';

export interface SessionOptions {
  readonly ask: () => Promise<Session>;
  readonly presence: Presence;
  readonly random?: () => number;
}

/** Where the server does not tell, everything is offered: it refuses what must not be. */
const UNTOLD: Session = { actor: null, writable: true };

export function useSession({ ask, presence, random = Math.random }: SessionOptions) {
  /** Null until the server has told. */
  const session = shallowRef<Session | null>(null);
  let retry: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  /** Counts the questions: only the answer to the last one counts. */
  let asked = 0;

  /** Resolves when the server has answered, or could not: then it is asked again by itself. */
  async function refresh(): Promise<void> {
    clearTimeout(retry);
    const mine = ++asked;
    try {
      const told = await ask();
      if (mine !== asked)
        return;
      failures = 0;
      session.value = told;
    } catch (error) {
      if (mine !== asked)
        return;
      if (error instanceof HttpError && error.transient)
        retry = setTimeout(() => void refresh(), backoffMs(failures++, error.retryAfterMs, random));
      else
        session.value = UNTOLD;
    }
  }

  /* Whoever comes back to the page may have signed in or out elsewhere. */
  watch(presence.awake, (is) => {
    if (is && session.value !== null)
      void refresh();
  }, { flush: 'sync' });
  onScopeDispose(() => {
    asked++;
    clearTimeout(retry);
  });

  const actor = computed(() => session.value?.actor ?? null);
  const writable = computed(() => session.value?.writable ?? false);
  return {
    refresh,
    actor,
    writable,
    /** Without a name, and only here to look: signing in may help. */
    guest: computed(() => session.value !== null && !writable.value && actor.value === null),
  };
}

export type SessionControl = ReturnType<typeof useSession>;
