import { describe, expect, it } from 'vitest';
import { FakeServer } from '../testing/fakes';
import { activeVersions, effectOfRewind } from './active';
import { backoffMs, LONGEST_MS } from './backoff';
import { CONTENT_MAX, refusalOf, tidy } from './content';
import { applyChanges, merge } from './items';
import { pendingRows, previewRows } from './rows';
import { quote, say } from './sentence';
import { relativeTime } from './time';
import { randomUuid } from './uuid';

/** The worked example: milk, eggs, remove milk, rewind 3, tea, rewind 2, rewind 6. */
function worked() {
  const server = new FakeServer();
  server.append('milk', 'eggs');
  server.run({ type: 'remove', item: server.state(2)[0]!.id });
  server.run({ type: 'rewind', version: 3 });
  server.append('tea');
  server.run({ type: 'rewind', version: 2 });
  server.run({ type: 'rewind', version: 6 });
  return server;
}

const newestFirst = (server: FakeServer) => [...server.events].reverse();

/** A small generator of repeatable random numbers (mulberry32). */
function randomOf(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomLog(seed: number, length: number) {
  const random = randomOf(seed);
  const server = new FakeServer();
  server.append('first');
  while (server.head < length) {
    const items = server.state(server.head);
    const dice = random();
    if (dice < 0.25)
      server.run({ type: 'rewind', version: 1 + Math.floor(random() * server.head) });
    else if (dice < 0.5 && items.length > 0)
      server.run({ type: 'remove', item: items[Math.floor(random() * items.length)]!.id });
    else
      server.append(`item ${server.head}`);
  }
  return server;
}

describe('active events', () => {
  it('are those of the worked example', () => {
    expect([...activeVersions(newestFirst(worked()), 7)]).toEqual([7, 5, 4, 2, 1]);
  });

  it('are the same where only the newest are loaded', () => {
    const events = newestFirst(worked());
    expect([...activeVersions(events.slice(0, 4), 7)]).toEqual([7, 5, 4]);
    expect([...activeVersions([], 0)]).toEqual([]);
  });

  it('of a part do not pretend to be all that a rewind would change', () => {
    const events = newestFirst(worked());
    expect(effectOfRewind(events, 7, 6).whole).toBe(true);
    expect(effectOfRewind(events.slice(0, 4), 7, 6)).toEqual({ ends: new Set([7]), returns: new Set(), whole: true });
    expect(effectOfRewind(events.slice(0, 4), 7, 2)).toEqual({ ends: new Set([7, 5, 4]), returns: new Set(), whole: false });
  });

  it('after a rewind are those a preview foretold', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const server = randomLog(seed, 40);
      const before = activeVersions(newestFirst(server), server.head);
      const target = 1 + (seed * 7) % server.head;
      const { ends, returns } = effectOfRewind(newestFirst(server), server.head, target);
      server.run({ type: 'rewind', version: target });
      const after = activeVersions(newestFirst(server), server.head);
      const foretold = new Set([...before].filter((version) => !ends.has(version)).concat([...returns], server.head));
      expect(after, `seed ${seed}`).toEqual(foretold);
    }
  });
});

describe('items', () => {
  it('after the changes of each event are those of its state', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const server = randomLog(seed, 60);
      for (let version = 1; version <= server.head; version++) {
        const made = applyChanges(server.state(version - 1), server.changes(version));
        expect(made, `seed ${seed} version ${version}`).toEqual(server.state(version));
      }
    }
  });

  it('stand in order of their versions', () => {
    const items = [2, 4, 9].map((version) => ({ id: `${version}`, content: '', version }));
    expect(merge(items, [5, 1].map((version) => ({ id: '', content: '', version }))).map(({ version }) => version))
      .toEqual([1, 2, 4, 5, 9]);
    expect(applyChanges(items, [])).toBe(items);
  });
});

describe('rows', () => {
  const items = [1, 3].map((version) => ({ id: `e${version}`, content: `item ${version}`, version }));

  it('of a preview keep their places', () => {
    const rows = previewRows(items, {
      added: [{ id: 'e2', content: 'item 2', version: 2 }], removed: [items[1]!], changed: [],
    });
    expect(rows.map(({ id, mark }) => `${id} ${mark}`)).toEqual(['e1 plain', 'e2 returns', 'e3 goes']);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(3);
  });

  it('show what is on its way', () => {
    const rows = pendingRows(items, [
      { key: 'a', command: { type: 'remove', item: 'e1' }, state: 'sending' },
      { key: 'b', command: { type: 'append', content: 'new' }, state: 'saved' },
      { key: 'c', command: { type: 'append', content: 'newer' }, state: 'waiting' },
      { key: 'd', command: { type: 'rewind' }, state: 'sending' },
    ]);
    expect(rows.map(({ content, mark }) => `${content} ${mark}`))
      .toEqual(['item 1 removing', 'item 3 plain', 'new saved', 'newer waiting']);
  });
});

describe('sentences', () => {
  it('tell the worked example', () => {
    const server = worked();
    expect(server.events.map((event) => say(event, (version) => server.events[version - 1]))).toEqual([
      'Added “milk”', 'Added “eggs”', 'Removed “milk”', 'Rewound to before 3: Removed “milk”', 'Added “tea”',
      'Rewound to before 2: Added “eggs”', 'Took back rewind 6',
    ]);
    expect(say(server.events[3]!)).toBe('Rewound to before 3');
  });

  it('quote in one line, cut between characters', () => {
    expect(quote('a\nb\t c')).toBe('“a b c”');
    expect(quote('💡'.repeat(100))).toBe(`“${'💡'.repeat(80)}…”`);
  });
});

describe('content', () => {
  it('is trimmed and held to the limits', () => {
    expect(tidy('  a\r\nb \n')).toBe('a\nb');
    expect(refusalOf('💡'.repeat(CONTENT_MAX))).toBeNull();
    expect(refusalOf('x'.repeat(CONTENT_MAX + 1))).toContain('10,001');
    expect(refusalOf('tab\tand\nnewline')).toBeNull();
    for (const control of ['\u0000', '\u000b', '\u001b', '\u007f', '\u0085'])
      expect(refusalOf(`a${control}b`)).toContain('control');
  });
});

describe('back-off', () => {
  it('doubles up to a cap, with full jitter, on top of the floor', () => {
    const most = [0, 1, 2, 20, 5000].map((failures) => backoffMs(failures, 0, () => 1));
    expect(most).toEqual([500, 1000, 2000, LONGEST_MS, LONGEST_MS]);
    expect(backoffMs(3, 0, () => 0)).toBe(0);
    expect(backoffMs(0, 2000, () => 0)).toBe(2000);
  });
});

describe('times', () => {
  it('are said as people do', () => {
    const at = Date.parse('2026-08-03T14:02:00Z');
    const ago = (seconds: number) => relativeTime(new Date(at - seconds * 1000).toISOString(), at);
    expect([-5, 0, 44].map(ago)).toEqual(['just now', 'just now', 'just now']);
    expect([60, 59 * 60, 3 * 3600].map(ago)).toEqual(['1 min ago', '59 min ago', '3 h ago']);
    expect(ago(5 * 86400)).toMatch(/^29 Jul/);
    expect(ago(400 * 86400)).toMatch(/2025$/);
  });
});

describe('uuids', () => {
  it('are version 4 with and without the help of a secure context', () => {
    const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(randomUuid()).toMatch(form);
    const { randomUUID } = crypto;
    Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true, writable: true });
    try {
      expect(randomUuid()).toMatch(form);
    } finally {
      Object.defineProperty(crypto, 'randomUUID', { value: randomUUID, configurable: true, writable: true });
    }
  });
});
