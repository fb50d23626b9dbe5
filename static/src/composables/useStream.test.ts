import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HttpError } from '../http';
import { FakeServer, inScope, presence, sources } from '../testing/fakes';
import { SILENCE_MS, UNNOTICED_MS, useStream, type Frame } from './useStream';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function streamOf(probe: () => Promise<unknown> = () => Promise.resolve()) {
  const server = new FakeServer();
  server.append('milk', 'eggs');
  const source = sources();
  const at = presence();
  const frames: Frame[] = [];
  const handed: number[] = [];
  const stream = inScope(() => useStream({
    address: () => `/sse/ledgers/main?after=${frames.length}`,
    presence: at,
    probe,
    random: () => 1,
    connect: source.connect,
    onFrames: (some) => {
      frames.push(...some);
      handed.push(some.length);
    },
  }));
  return { server, source, at, frames, handed, stream };
}

describe('the stream', () => {
  it('opens when started, and hands frames over together and in order', () => {
    const { server, source, frames, handed, stream } = streamOf();
    expect(source.opened).toHaveLength(0);
    stream.start();
    expect(source.last().address).toBe('/sse/ledgers/main?after=0');
    source.last().say('message', server.frame(1));
    source.last().say('message', server.frame(2));
    source.last().say('head', server.headFrame());
    vi.advanceTimersByTime(20);
    expect(handed).toEqual([3]);
    expect(frames.map(({ kind }) => kind)).toEqual(['event', 'event', 'head']);
    source.last().say('reset', server.headFrame());
    vi.advanceTimersByTime(20);
    expect(frames.at(-1)).toEqual({ kind: 'reset', head: { version: 2, log: 'aaaaaaaa' } });
  });

  it('says live only when told so, and lost only after a while', () => {
    const { source, stream } = streamOf();
    stream.start();
    expect(stream.connection.value).toBe('connecting');
    stream.live();
    expect(stream.connection.value).toBe('live');
    source.last().fail();
    vi.advanceTimersByTime(UNNOTICED_MS - 1);
    expect(stream.connection.value).toBe('live');
    vi.advanceTimersByTime(1);
    expect(stream.connection.value).toBe('reconnecting');
    stream.live();
    expect(stream.connection.value).toBe('live');
    source.last().fail();
    stream.live();
    vi.advanceTimersByTime(UNNOTICED_MS * 2);
    expect(stream.connection.value).toBe('live');
  });

  it('leaves reconnecting to the browser while the browser does it', () => {
    const { source, stream } = streamOf();
    stream.start();
    source.last().fail();
    vi.advanceTimersByTime(10_000);
    expect(source.opened).toHaveLength(1);
  });

  it('opens anew, later each time, after a refusal', async () => {
    const { source, stream } = streamOf();
    stream.start();
    source.last().fail(true);
    await vi.advanceTimersByTimeAsync(499);
    expect(source.opened).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(source.opened).toHaveLength(2);
    source.last().fail(true);
    await vi.advanceTimersByTimeAsync(999);
    expect(source.opened).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(source.opened).toHaveLength(3);
  });

  it('opens anew after silence, which every frame breaks', () => {
    const { server, source, stream } = streamOf();
    stream.start();
    vi.advanceTimersByTime(SILENCE_MS - 1);
    source.last().say('head', server.headFrame());
    vi.advanceTimersByTime(SILENCE_MS - 1);
    expect(source.opened).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(source.opened).toHaveLength(2);
    expect(source.opened[0]?.readyState).toBe(2);
  });

  it('begins again where a frame makes no sense', () => {
    const { source, stream, frames } = streamOf();
    stream.start();
    source.last().say('message', { version: 'three' });
    vi.advanceTimersByTime(500);
    expect(source.opened).toHaveLength(2);
    source.opened[0]?.say('head', { version: 2, log: 'x' });
    vi.advanceTimersByTime(100);
    expect(frames).toHaveLength(0);
  });

  it('is given up while the page is hidden, from where it was taken up again', () => {
    const { server, source, at, stream } = streamOf();
    stream.start();
    source.last().say('message', server.frame(1));
    vi.advanceTimersByTime(20);
    stream.live();
    at.awake.value = false;
    expect(source.last().readyState).toBe(2);
    vi.advanceTimersByTime(600_000);
    expect(source.opened).toHaveLength(1);
    at.awake.value = true;
    expect(source.last().address).toBe('/sse/ledgers/main?after=1');
    stream.live();
    vi.advanceTimersByTime(UNNOTICED_MS * 2);
    expect(stream.connection.value).toBe('live');
  });

  it('says offline at once, and comes back', () => {
    const { source, at, stream } = streamOf();
    stream.start();
    stream.live();
    at.online.value = false;
    expect(stream.connection.value).toBe('offline');
    expect(source.last().readyState).toBe(2);
    at.online.value = true;
    expect(stream.connection.value).toBe('reconnecting');
    expect(source.opened).toHaveLength(2);
  });

  it('finds out that it was signed out, and looks again when the page is shown again', async () => {
    const { source, at, stream } = streamOf(() => Promise.reject(new HttpError('sign in', 401)));
    stream.start();
    source.last().fail(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stream.connection.value).toBe('signed-out');
    expect(source.opened).toHaveLength(1);
    at.awake.value = false;
    at.awake.value = true;
    expect(source.opened).toHaveLength(2);
  });

  it('leaves nothing behind', () => {
    const { source, stream } = streamOf();
    stream.start();
    stream.stop();
    expect(source.last().readyState).toBe(2);
    expect(vi.getTimerCount()).toBe(0);
  });
});
