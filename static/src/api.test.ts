import { describe, expect, it } from 'vitest';
import { decodeDiff, decodeEvent, decodeSession, decodeState, decodeStreamedEvent, DecodeError } from './api';

const event = {
  version: 3, position: 9, id: 'e3', type: 'item-removed', data: { item: 'e1', content: 'milk' }, base: 2,
  actor: null, command_id: 'k', recorded_at: '2026-08-03T14:02:00.000000Z',
};

describe('decoding', () => {
  it('takes an event as the server says it', () => {
    expect(decodeEvent(event)).toEqual({
      version: 3, position: 9, id: 'e3', base: 2, actor: null, commandId: 'k',
      recordedAt: '2026-08-03T14:02:00.000000Z', body: { type: 'item-removed', item: 'e1', content: 'milk' },
    });
  });

  it('keeps an event of an unknown type by its name', () => {
    expect(decodeEvent({ ...event, type: 'item-starred', data: {} }).body).toEqual({ type: 'other', name: 'item-starred' });
  });

  it('takes changes, and their absence', () => {
    const changes = [{ key: 'e3', value: { content: 'tea' }, origin: 3 }, { key: 'e1', removed: true }];
    expect(decodeStreamedEvent({ ...event, changes }).changes).toEqual([
      { kind: 'put', item: { id: 'e3', content: 'tea', version: 3 } }, { kind: 'removed', id: 'e1' },
    ]);
    expect(decodeStreamedEvent({ ...event, changes: null }).changes).toBeNull();
  });

  it.each([
    ['a list in place of a state', []],
    ['a state without items', { log: 'a', version: 1, next: null }],
    ['a negative version', { log: 'a', version: -1, items: [], next: null }],
    ['a version with a fraction', { log: 'a', version: 1.5, items: [], next: null }],
    ['an item without content', { log: 'a', version: 1, items: [{ id: 'x', version: 1 }], next: null }],
  ])('refuses %s', (_, value) => {
    expect(() => decodeState(value)).toThrow(DecodeError);
  });

  it('refuses an event without changes in the stream', () => {
    expect(() => decodeStreamedEvent(event)).toThrow(DecodeError);
  });

  it('takes a session, and no guess at one', () => {
    expect(decodeSession({ actor: 'anna', writable: false })).toEqual({ actor: 'anna', writable: false });
    expect(decodeSession({ actor: null, writable: true })).toEqual({ actor: null, writable: true });
    for (const wrong of [{ actor: null }, { actor: 7, writable: true }, { actor: 'anna', writable: 'yes' }, null])
      expect(() => decodeSession(wrong)).toThrow(DecodeError);
  });

  it('takes a diff', () => {
    const item = { id: 'a', content: 'tea', version: 1 };
    const diff = { from: 4, to: 2, counts: {}, added: [item], removed: [], changed: [{ id: 'a', from: item, to: item }], next: null };
    expect(decodeDiff(diff).changed).toEqual([{ from: item, to: item }]);
  });
});
