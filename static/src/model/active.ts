/*
 * Which events are active: those on the chain head, base(head), base(base(head)) ...
 */
import type { LedgerEvent } from '../api';

/**
 * The versions on the chain from `head` that are among `events` (newest first, without gaps).  Where older events
 * are loaded later the chain is simply walked again: it enters the older part where it left this one.
 */
export function activeVersions(events: readonly LedgerEvent[], head: number): ReadonlySet<number> {
  return walk(events, head).active;
}

/** The chain as far as it is loaded, and the version at which it leaves for the part that is not (0: it is whole). */
function walk(events: readonly LedgerEvent[], head: number): { active: Set<number>; leaves: number } {
  const newest = events[0]?.version ?? 0;
  const active = new Set<number>();
  let version = head;
  while (version > 0 && version <= newest) {
    const event = events[newest - version];
    if (event === undefined)
      break;
    active.add(version);
    version = event.base;
  }
  return { active, leaves: version };
}

/**
 * What a rewind would do to the cards: the loaded versions that stop being active, and those that become so again.
 * That is all of them where both chains go on alike below what is loaded.
 */
export function effectOfRewind(events: readonly LedgerEvent[], head: number, target: number) {
  const now = walk(events, head);
  const then = walk(events, target - 1);
  return {
    ends: new Set([...now.active].filter((version) => !then.active.has(version))),
    returns: new Set([...then.active].filter((version) => !now.active.has(version))),
    whole: now.leaves === then.leaves,
  };
}
