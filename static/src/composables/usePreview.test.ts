import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HttpError } from '../http';
import { FakeServer, inScope, presence, sources } from '../testing/fakes';
import { useLedger } from './useLedger';
import { REARM_MS, usePreview } from './usePreview';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(20);

async function previewOf() {
  const server = new FakeServer();
  server.append('milk', 'eggs');
  server.run({ type: 'remove', item: server.state(2)[0]!.id });
  server.append('tea');
  const source = sources();
  const all = inScope(() => {
    const ledger = useLedger({
      name: 'main', presence: presence(), http: server.http(), connect: source.connect, random: () => 1,
    });
    return { ledger, control: usePreview(ledger) };
  });
  await all.ledger.load();
  await settle();
  const others = async (content: string) => {
    server.append(content);
    source.last().say('message', server.frame(server.head));
    await settle();
  };
  return { server, source, others, ...all };
}

describe('the preview of a rewind', () => {
  it('tells what goes, what comes back, and what it does to the cards', async () => {
    const { control } = await previewOf();
    await control.open(3);
    expect(control.preview.value).toMatchObject({ phase: 'ready', target: 3, diff: { from: 4, to: 2 } });
    expect(control.preview.value?.diff?.removed.map(({ content }) => content)).toEqual(['tea']);
    expect(control.preview.value?.diff?.added.map(({ content }) => content)).toEqual(['milk']);
    expect(control.effect.value).toEqual({ ends: new Set([4, 3]), returns: new Set(), whole: true });
  });

  it('is done at the version it was made for', async () => {
    const { server, control } = await previewOf();
    await control.open(3);
    await expect(control.confirm()).resolves.toBe(5);
    expect(control.preview.value).toBeNull();
    expect(server.state(5).map(({ content }) => content)).toEqual(['milk', 'eggs']);
  });

  it('tells what others changed meanwhile, and does not count a click meant for what was there before', async () => {
    const { server, control, others } = await previewOf();
    await control.open(3);
    await others('bread');
    expect(control.preview.value?.diff?.from).toBe(5);
    expect(control.meanwhile.value.map(({ version }) => version)).toEqual([5]);
    await expect(control.confirm()).resolves.toBeNull();
    expect(server.head).toBe(5);
    vi.advanceTimersByTime(REARM_MS);
    await expect(control.confirm()).resolves.toBe(6);
  });

  it('asks again when the server says that others were first', async () => {
    const { server, source, control } = await previewOf();
    await control.open(3);
    server.append('bread');
    await expect(control.confirm()).resolves.toBeNull();
    expect(control.preview.value).toMatchObject({ phase: 'ready', diff: { from: 5 } });
    source.last().say('message', server.frame(5));
    await settle();
    expect(control.meanwhile.value.map(({ version }) => version)).toEqual([5]);
    expect(server.head).toBe(5);
    vi.advanceTimersByTime(REARM_MS);
    await expect(control.confirm()).resolves.toBe(6);
  });

  it('says why it was refused, and can be tried again', async () => {
    const { server, control } = await previewOf();
    await control.open(3);
    server.failure = new HttpError('too many', 422);
    await expect(control.confirm()).resolves.toBeNull();
    expect(control.preview.value).toMatchObject({ phase: 'error', problem: 'too many' });
    server.failure = null;
    await control.refresh();
    expect(control.preview.value?.phase).toBe('ready');
  });

  it('is made anew where the stream was quicker than its answer', async () => {
    const { server, source, ledger, control } = await previewOf();
    const opening = control.open(3);
    server.append('salt');
    source.last().say('message', server.frame(server.head));
    await opening;
    await settle();
    expect(ledger.version.value).toBe(server.head);
    expect(control.preview.value).toMatchObject({ phase: 'ready', diff: { from: server.head } });
  });

  it('is withdrawn without a trace, also while it is being made', async () => {
    const { control } = await previewOf();
    const opening = control.open(3);
    control.cancel();
    await opening;
    expect(control.preview.value).toBeNull();
    await expect(control.confirm()).resolves.toBeNull();
  });
});
