/*
 * The shapes that travel between the page and the server, and their checks.
 *
 * Nothing that came over the network is believed before one of the decoders here has looked at it: a wrong shape
 * is a DecodeError at the edge, not an `undefined` somewhere in a component.
 */

export interface Item {
  /** The id of the event that added it. */
  readonly id: string;
  readonly content: string;
  /** The version of the event that added it; lists are sorted by it. */
  readonly version: number;
}

interface EventCommon {
  readonly version: number;
  readonly position: number;
  readonly id: string;
  /** The version of the state this event continues from. */
  readonly base: number;
  readonly actor: string | null;
  /** The Idempotency-Key of the request that caused it. */
  readonly commandId: string;
  readonly recordedAt: string;
}

export type EventBody =
  | { readonly type: 'item-appended'; readonly content: string }
  | { readonly type: 'item-removed'; readonly item: string; readonly content: string }
  | { readonly type: 'rewound'; readonly target: number }
  /** An event of a newer server: shown by its name, applied through its changes. */
  | { readonly type: 'other'; readonly name: string };

export type LedgerEvent = EventCommon & { readonly body: EventBody };

/** One fact that an event put or removed. */
export type Change =
  | { readonly kind: 'put'; readonly item: Item }
  | { readonly kind: 'removed'; readonly id: string };

/** An event as the stream brings it; `changes` is null when there are too many to send. */
export interface StreamedEvent {
  readonly event: LedgerEvent;
  readonly changes: readonly Change[] | null;
}

export interface StatePage {
  readonly log: string;
  readonly version: number;
  readonly items: readonly Item[];
  readonly next: string | null;
}

export interface EventsPage {
  readonly log: string;
  readonly version: number;
  readonly events: readonly LedgerEvent[];
  readonly next: string | null;
}

export interface DiffPage {
  readonly from: number;
  readonly to: number;
  readonly added: readonly Item[];
  readonly removed: readonly Item[];
  readonly changed: readonly { readonly from: Item; readonly to: Item }[];
  readonly next: string | null;
}

export interface Accepted {
  readonly log: string;
  readonly version: number;
  readonly events: readonly LedgerEvent[];
}

export interface LedgerSummary {
  readonly ledger: string;
  readonly items: number;
}

export interface Session {
  /** The name that the site has verified; null for guests, and where nobody signs in. */
  readonly actor: string | null;
  readonly writable: boolean;
}

export interface Head {
  readonly version: number;
  readonly log: string;
}

export type Command =
  | { readonly type: 'append'; readonly content: string }
  | { readonly type: 'remove'; readonly item: string }
  | { readonly type: 'rewind'; readonly version: number };

/** What the server said is not what it promises to say. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

type Fields = Record<string, unknown>;

function fields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new DecodeError(`${what} is not an object`);
  return value as Fields;
}

function text(from: Fields, name: string): string {
  const value = from[name];
  if (typeof value !== 'string')
    throw new DecodeError(`"${name}" is not a string`);
  return value;
}

function textOrNull(from: Fields, name: string): string | null {
  return from[name] === null || from[name] === undefined ? null : text(from, name);
}

function count(from: Fields, name: string): number {
  const value = from[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new DecodeError(`"${name}" is not a whole number`);
  return value;
}

function list<T>(from: Fields, name: string, decode: (value: unknown) => T): T[] {
  const value = from[name];
  if (!Array.isArray(value))
    throw new DecodeError(`"${name}" is not a list`);
  return value.map(decode);
}

export function decodeItem(value: unknown): Item {
  const item = fields(value, 'an item');
  return { id: text(item, 'id'), content: text(item, 'content'), version: count(item, 'version') };
}

function decodeBody(type: string, data: Fields): EventBody {
  switch (type) {
  case 'item-appended':
    return { type, content: text(data, 'content') };
  case 'item-removed':
    return { type, item: text(data, 'item'), content: text(data, 'content') };
  case 'rewound':
    return { type, target: count(data, 'version') };
  default:
    return { type: 'other', name: type };
  }
}

export function decodeEvent(value: unknown): LedgerEvent {
  const event = fields(value, 'an event');
  return {
    version: count(event, 'version'),
    position: count(event, 'position'),
    id: text(event, 'id'),
    base: count(event, 'base'),
    actor: textOrNull(event, 'actor'),
    commandId: textOrNull(event, 'command_id') ?? '',
    recordedAt: text(event, 'recorded_at'),
    body: decodeBody(text(event, 'type'), fields(event['data'], '"data"')),
  };
}

function decodeChange(value: unknown): Change {
  const change = fields(value, 'a change');
  const id = text(change, 'key');
  if (change['removed'] === true)
    return { kind: 'removed', id };
  const content = text(fields(change['value'], '"value"'), 'content');
  return { kind: 'put', item: { id, content, version: count(change, 'origin') } };
}

export function decodeStreamedEvent(value: unknown): StreamedEvent {
  const frame = fields(value, 'a streamed event');
  const changes = frame['changes'] === null ? null : list(frame, 'changes', decodeChange);
  return { event: decodeEvent(frame), changes };
}

export function decodeHead(value: unknown): Head {
  const head = fields(value, 'a head');
  return { version: count(head, 'version'), log: text(head, 'log') };
}

export function decodeState(value: unknown): StatePage {
  const state = fields(value, 'a state');
  return { ...decodeHead(state), items: list(state, 'items', decodeItem), next: textOrNull(state, 'next') };
}

export function decodeEvents(value: unknown): EventsPage {
  const page = fields(value, 'a page of events');
  return { ...decodeHead(page), events: list(page, 'events', decodeEvent), next: textOrNull(page, 'next') };
}

export function decodeDiff(value: unknown): DiffPage {
  const diff = fields(value, 'a diff');
  return {
    from: count(diff, 'from'),
    to: count(diff, 'to'),
    added: list(diff, 'added', decodeItem),
    removed: list(diff, 'removed', decodeItem),
    changed: list(diff, 'changed', (entry) => {
      const change = fields(entry, 'a changed item');
      return { from: decodeItem(change['from']), to: decodeItem(change['to']) };
    }),
    next: textOrNull(diff, 'next'),
  };
}

export function decodeAccepted(value: unknown): Accepted {
  const answer = fields(value, 'an answer');
  return { ...decodeHead(answer), events: list(answer, 'events', decodeEvent) };
}

export function decodeSession(value: unknown): Session {
  const session = fields(value, 'a session');
  if (typeof session['writable'] !== 'boolean')
    throw new DecodeError('"writable" is neither true nor false');
  return { actor: textOrNull(session, 'actor'), writable: session['writable'] };
}

export function decodeLedgers(value: unknown): { ledgers: LedgerSummary[]; next: string | null } {
  const page = fields(value, 'the ledgers');
  const ledgers = list(page, 'ledgers', (entry) => {
    const ledger = fields(entry, 'a ledger');
    return { ledger: text(ledger, 'ledger'), items: count(ledger, 'items') };
  });
  return { ledgers, next: textOrNull(page, 'next') };
}
