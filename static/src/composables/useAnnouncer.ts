/*
 * A quiet account of what happens, for those who listen to the page: one summary of some seconds, not one
 * message an event; also where something happens all the time.
 */
import { onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { countOf } from '../model/sentence';
import type { Connection } from './useStream';

const GATHERED_MS = 2_500;

const CONNECTIONS: Record<Connection, string> = {
  'connecting': '',
  'live': 'Live again.',
  'reconnecting': 'Reconnecting.',
  'offline': 'Offline. The list may be out of date.',
  'signed-out': 'Signed out. The list may be out of date.',
};

export interface Announced {
  readonly phase: Ref<string>;
  readonly version: Ref<number>;
  readonly items: Ref<readonly unknown[]>;
  readonly connection: Ref<Connection>;
}

export function useAnnouncer({ phase, version, items, connection }: Announced) {
  const announcement = shallowRef('');
  let timer: ReturnType<typeof setTimeout> | undefined;
  let told = version.value;
  let connectionTold = connection.value;

  function tell() {
    timer = undefined;
    const parts: string[] = [];
    if (connection.value !== connectionTold && connectionTold !== 'connecting')
      parts.push(CONNECTIONS[connection.value]);
    if (version.value > told)
      parts.push(`${countOf(version.value - told, 'change')}. The list has ${countOf(items.value.length, 'item')}.`);
    connectionTold = connection.value;
    told = version.value;
    if (parts.length > 0)
      announcement.value = parts.join(' ');
  }

  /* What was there from the beginning is no news. */
  watch(phase, () => {
    told = version.value;
  }, { flush: 'sync' });
  watch([version, connection], () => {
    timer ??= setTimeout(tell, GATHERED_MS);
  });
  onScopeDispose(() => clearTimeout(timer));
  return announcement;
}
