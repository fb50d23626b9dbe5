/*
 * The list as it was at an earlier version, to look at and nothing else.
 */
import { shallowRef } from 'vue';
import type { Item } from '../api';
import type { Ledger } from './useLedger';

export interface Past {
  readonly version: number;
  /** Null while it is on its way. */
  readonly items: readonly Item[] | null;
  readonly problem: string;
}

export function usePast(ledger: Pick<Ledger, 'http' | 'log'>) {
  const past = shallowRef<Past | null>(null);

  async function show(version: number) {
    /* What was there stays until the other state is: stepping through the past does not flicker. */
    const shown = past.value?.problem === '' ? past.value.items : null;
    past.value = { version, items: shown, problem: '' };
    const mine = past.value;
    try {
      const state = await ledger.http.state(version, ledger.log.value);
      if (past.value === mine)
        past.value = { version, items: state.items, problem: '' };
    } catch (error) {
      if (past.value === mine)
        past.value = { version, items: [], problem: error instanceof Error ? error.message : String(error) };
    }
  }

  return {
    past,
    show,
    leave() {
      past.value = null;
    },
  };
}
