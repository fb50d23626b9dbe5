/*
 * What the list shows: the items, with what is about to happen to them laid over.
 */
import type { Item } from '../api';
import { merge } from './items';

/**
 * "goes" and "returns" belong to a preview; the others to commands of this page that the stream has not brought
 * yet: "waiting" is an addition that could not be sent so far, "saved" one that the server has.
 */
export type Mark = 'plain' | 'goes' | 'returns' | 'adding' | 'waiting' | 'saved' | 'removing';

export interface Row {
  /** Stays the same while the row stays the same thing. */
  readonly key: string;
  readonly id: string;
  readonly version: number;
  readonly content: string;
  readonly mark: Mark;
}

/** A command of this page that is under way, as far as the list shows it. */
export interface Overlay {
  readonly key: string;
  readonly command: { readonly type: string; readonly content?: string; readonly item?: string };
  readonly state: 'sending' | 'waiting' | 'saved';
}

function row(item: Item, mark: Mark): Row {
  return { key: item.id, id: item.id, version: item.version, content: item.content, mark };
}

export function plainRows(items: readonly Item[]): readonly Row[] {
  return items.map((item) => row(item, 'plain'));
}

/** The list with this page's own commands already applied to it. */
export function pendingRows(items: readonly Item[], overlays: readonly Overlay[]): readonly Row[] {
  const marks = { sending: 'adding', waiting: 'waiting', saved: 'saved' } as const;
  const removing = new Set<string>();
  const adding: Row[] = [];
  for (const { key, command, state } of overlays) {
    if (command.type === 'remove' && command.item !== undefined)
      removing.add(command.item);
    if (command.type === 'append' && command.content !== undefined)
      adding.push({ key, id: '', version: Infinity, content: command.content, mark: marks[state] });
  }
  return items.map((item) => row(item, removing.has(item.id) ? 'removing' : 'plain')).concat(adding);
}

/** The list with a rewind laid over it: what goes stays in its place, what returns takes its place by version. */
export function previewRows(
  items: readonly Item[],
  diff: {
    readonly added: readonly Item[];
    readonly removed: readonly Item[];
    readonly changed: readonly { readonly from: Item; readonly to: Item }[];
  },
): readonly Row[] {
  const goes = new Set([...diff.removed, ...diff.changed.map(({ from }) => from)].map((item) => item.id));
  const returning = [...diff.added, ...diff.changed.map(({ to }) => to)]
    .map((item): Row => ({ ...row(item, 'returns'), key: `returns ${item.id}` }));
  return merge(items.map((item) => row(item, goes.has(item.id) ? 'goes' : 'plain')), returning);
}
