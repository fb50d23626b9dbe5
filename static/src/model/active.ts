/*
 * Which events are active: those on the chain head, base(head), base(base(head)) ...
 */
import type { LedgerEvent } from '../api';

/**
 * The versions on the chain from `head` that are among `events` (newest first, without gaps).  Where older events
 * are loaded later the chain is simply walked again: it enters the older part where it left this one.
 */
export function activeVersions(events: readonly LedgerEvent[], head: number): ReadonlySet<number> {
  const newest = events[0];
  const active = new Set<number>();
  if (newest === undefined)
    return active;

  let version = head;
  while (version > 0 && version <= newest.version) {
    const event = events[newest.version - version];
    if (event === undefined)
      break;
    active.add(version);
    version = event.base;
  }
  return active;
}

/** What a rewind would do to the cards: the versions that stop being active, and those that become so again. */
export function effectOfRewind(events: readonly LedgerEvent[], head: number, target: number) {
  const now = activeVersions(events, head);
  const then = activeVersions(events, target - 1);
  return {
    ends: new Set([...now].filter((version) => !then.has(version))),
    returns: new Set([...then].filter((version) => !now.has(version))),
  };
}
