import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ref, nextTick, type Ref } from 'vue';
import { HttpError } from '../http';
import { FakeServer, inScope } from '../testing/fakes';
import { useAnnouncer } from './useAnnouncer';
import { useNotice } from './useNotice';
import { useNow } from './useNow';
import { usePast } from './usePast';
import { usePresence } from './usePresence';
import type { Connection } from './useStream';
import { offsetsOf, rowAt } from './useVirtualList';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the announcer', () => {
  it('sums up what happened every few seconds, also where something happens all the time', async () => {
    const phase = ref('loading');
    const version = ref(0);
    const items = ref<readonly unknown[]>([1]);
    const connection: Ref<Connection> = ref('live');
    const announcement = inScope(() => ({ text: useAnnouncer({ phase, version, items, connection }) })).text;
    version.value = 3;
    phase.value = 'ready';
    const said: string[] = [];
    for (let change = 0; change < 6; change++) {
      version.value++;
      await nextTick();
      vi.advanceTimersByTime(1000);
      said.push(announcement.value);
    }
    expect(said).toEqual(['', '', '3 changes. The list has 1 item.', said[2], said[2], said[2]]);
    expect(announcement.value).toBe('3 changes. The list has 1 item.');
    connection.value = 'offline';
    await nextTick();
    vi.advanceTimersByTime(2500);
    expect(announcement.value).toContain('Offline');
    vi.advanceTimersByTime(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a notice', () => {
  it('goes by itself, but not while somebody holds it', () => {
    const notices = inScope(useNotice);
    notices.show({ text: 'one', tone: 'plain' });
    notices.hold();
    vi.advanceTimersByTime(60_000);
    expect(notices.notice.value?.text).toBe('one');
    notices.release();
    vi.advanceTimersByTime(10_000);
    expect(notices.notice.value).toBeNull();
  });
});

describe('the time', () => {
  it('moves on, and stops with the page', () => {
    const { now, stop } = inScope(() => ({ now: useNow() }));
    const before = now.value;
    vi.advanceTimersByTime(30_000);
    expect(now.value).toBe(before + 30_000);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('presence', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('follows what the browser says, and stops with the page', () => {
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    const window = new EventTarget();
    vi.stubGlobal('document', document);
    vi.stubGlobal('window', window);
    vi.stubGlobal('navigator', { onLine: false });
    const { awake, online, stop } = inScope(usePresence);
    expect([awake.value, online.value]).toEqual([true, false]);

    const hear = (target: EventTarget, type: string) => target.dispatchEvent(new Event(type));
    hear(window, 'online');
    document.visibilityState = 'hidden';
    hear(document, 'visibilitychange');
    expect([awake.value, online.value]).toEqual([false, true]);
    document.visibilityState = 'visible';
    hear(document, 'visibilitychange');
    hear(window, 'offline');
    expect([awake.value, online.value]).toEqual([true, false]);
    hear(window, 'pagehide');
    expect(awake.value).toBe(false);
    hear(window, 'pageshow');
    expect(awake.value).toBe(true);

    stop();
    hear(window, 'online');
    hear(window, 'pagehide');
    expect([awake.value, online.value]).toEqual([true, false]);
  });
});

describe('the past', () => {
  it('is shown as it was, the last one asked for', async () => {
    const server = new FakeServer();
    server.append('milk', 'eggs', 'tea');
    const { past, show, leave } = usePast({ http: server.http(), log: ref(server.log) });
    const first = show(1);
    await Promise.all([first, show(2)]);
    expect(past.value).toMatchObject({ version: 2, items: [{ content: 'milk' }, { content: 'eggs' }] });
    leave();
    expect(past.value).toBeNull();
  });

  it('says why it cannot be shown', async () => {
    const server = new FakeServer();
    server.failure = new HttpError('too old', 410);
    const { past, show } = usePast({ http: server.http(), log: ref(server.log) });
    await show(1);
    expect(past.value).toMatchObject({ version: 1, problem: 'too old' });
  });
});

describe('a virtual list', () => {
  it('finds the row at an offset', () => {
    const offsets = offsetsOf(['a', 'b', 'c'], new Map([['b', 100]]), 40);
    expect([...offsets]).toEqual([0, 40, 140, 180]);
    expect([-5, 0, 39, 40, 139, 140, 179, 500].map((offset) => rowAt(offsets, offset)))
      .toEqual([0, 0, 0, 1, 1, 2, 2, 2]);
    expect(rowAt(offsetsOf([], new Map(), 40), 10)).toBe(0);
  });
});
