/*
 * The list as a value: items sorted by version, and what changes make of it.  Every change makes a new array, so
 * that whoever holds the old one (a preview, a test) keeps what it saw.
 */
import type { Change, Item } from '../api';

export function applyChanges(items: readonly Item[], changes: readonly Change[]): readonly Item[] {
  if (changes.length === 0)
    return items;

  const touched = new Set<string>();
  const put: Item[] = [];
  for (const change of changes) {
    touched.add(change.kind === 'put' ? change.item.id : change.id);
    if (change.kind === 'put')
      put.push(change.item);
  }
  return merge(items.filter((item) => !touched.has(item.id)), put);
}

/** Both lists in one, by version.  `added` need not be sorted. */
export function merge<T extends { readonly version: number }>(items: readonly T[], added: readonly T[]): readonly T[] {
  if (added.length === 0)
    return items;

  const incoming = [...added].sort((a, b) => a.version - b.version);
  const merged: T[] = [];
  let at = 0;
  for (const item of items) {
    while (at < incoming.length && incoming[at]!.version < item.version)
      merged.push(incoming[at++]!);
    merged.push(item);
  }
  return merged.concat(incoming.slice(at));
}
