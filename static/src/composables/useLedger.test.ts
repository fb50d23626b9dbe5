import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HttpError } from '../http';
import { FakeServer, inScope, presence, sources } from '../testing/fakes';
import { useLedger } from './useLedger';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(20);

async function ledgerOf(...contents: string[]) {
  const server = new FakeServer();
  server.append(...contents);
  const source = sources();
  const at = presence();
  const ledger = inScope(() => useLedger({
    name: 'main', presence: at, http: server.http(), connect: source.connect, random: () => 1,
  }));
  const say = async (...frames: [string, unknown][]) => {
    for (const [type, data] of frames)
      source.last().say(type, data);
    await settle();
  };
  const contentsShown = () => ledger.items.value.map(({ content }) => content);
  await ledger.load();
  await settle();
  server.requests = [];
  return { server, source, at, ledger, say, contentsShown };
}

describe('the ledger', () => {
  it('knows who one is before it is shown, and hears of it when a command is refused', async () => {
    const { server, ledger } = await ledgerOf('milk');
    expect(ledger.session.writable.value).toBe(true);
    server.session = { actor: null, writable: false };
    const outcome = ledger.commands.send({ type: 'append', content: 'eggs' }, 'eggs');
    await settle();
    expect(await outcome).toMatchObject({ kind: 'refused', error: { status: 403 } });
    expect(ledger.session.guest.value).toBe(true);
    expect(ledger.connection.value).not.toBe('signed-out');
  });

  it('is loaded, then live when the head says there is no more', async () => {
    const { source, server, ledger, say, contentsShown } = await ledgerOf('milk', 'eggs');
    expect(ledger.phase.value).toBe('ready');
    expect(contentsShown()).toEqual(['milk', 'eggs']);
    expect(source.last().address).toBe('/sse/ledgers/main?after=2');
    expect(ledger.connection.value).toBe('connecting');
    await say(['head', server.headFrame()]);
    expect(ledger.connection.value).toBe('live');
    expect(server.requests).toEqual([]);
  });

  it('applies the next event, ignores those it has', async () => {
    const { server, ledger, say, contentsShown } = await ledgerOf('milk');
    server.append('eggs');
    server.run({ type: 'remove', item: server.state(2)[0]!.id });
    await say(['message', server.frame(2)], ['message', server.frame(3)], ['message', server.frame(2)]);
    expect(contentsShown()).toEqual(['eggs']);
    expect(ledger.version.value).toBe(3);
    expect(ledger.history.top.value).toBe(3);
    expect(server.requests).toEqual([]);
  });

  it('fetches the state where the changes were too many, and goes on after it in order', async () => {
    const { server, ledger, say, contentsShown } = await ledgerOf('milk', 'eggs');
    server.run({ type: 'rewind', version: 1 });
    server.append('tea');
    await say(['message', server.frame(3, { withChanges: false })], ['message', server.frame(4)]);
    expect(server.requests).toEqual(['state 3']);
    expect(contentsShown()).toEqual(['tea']);
    expect(ledger.version.value).toBe(4);
  });

  it('heals a gap between events', async () => {
    const { server, ledger, say, contentsShown } = await ledgerOf('milk');
    server.append('eggs', 'tea');
    await say(['message', server.frame(3)]);
    expect(contentsShown()).toEqual(['milk', 'eggs', 'tea']);
    expect(ledger.history.top.value).toBe(3);
  });

  it('heals a gap that the head tells of', async () => {
    const { server, ledger, say, contentsShown } = await ledgerOf('milk');
    server.append('eggs');
    await say(['head', server.headFrame()]);
    expect(contentsShown()).toEqual(['milk', 'eggs']);
    expect(ledger.history.top.value).toBe(2);
    expect(ledger.connection.value).toBe('live');
  });

  it('takes over a reset, downwards as well', async () => {
    const { server, source, ledger, say, contentsShown } = await ledgerOf('milk', 'eggs', 'tea');
    const { log } = server;
    server.replace(log);
    server.append('milk');
    await say(['reset', server.headFrame()], ['head', server.headFrame()]);
    expect(contentsShown()).toEqual(['milk']);
    expect(ledger.version.value).toBe(1);
    expect(ledger.history.top.value).toBe(1);
    server.append('bread');
    await say(['message', server.frame(2)]);
    expect(contentsShown()).toEqual(['milk', 'bread']);
    expect(source.opened).toHaveLength(1);
  });

  it('loads everything anew when the log is another one', async () => {
    const { server, ledger, say, contentsShown } = await ledgerOf('milk', 'eggs');
    server.replace('bbbbbbbb');
    server.append('one', 'two', 'three');
    await say(['head', server.headFrame()]);
    expect(ledger.log.value).toBe('bbbbbbbb');
    expect(contentsShown()).toEqual(['one', 'two', 'three']);
    expect(ledger.history.events.value.map(({ id }) => id)).toEqual(
      ['event-bbbbbbbb-3', 'event-bbbbbbbb-2', 'event-bbbbbbbb-1'],
    );
  });

  it('opens the stream anew from the version reached where healing fails', async () => {
    const { server, source, say, contentsShown } = await ledgerOf('milk');
    server.append('eggs', 'tea');
    server.failure = new HttpError('busy', 503);
    await say(['message', server.frame(3)]);
    expect(contentsShown()).toEqual(['milk']);
    server.failure = null;
    await vi.advanceTimersByTimeAsync(500);
    expect(source.opened).toHaveLength(2);
    expect(source.last().address).toBe('/sse/ledgers/main?after=1');
    await say(['message', server.frame(2)], ['message', server.frame(3)], ['head', server.headFrame()]);
    expect(contentsShown()).toEqual(['milk', 'eggs', 'tea']);
  });

  it('ends a command with its event, matched by the key', async () => {
    const { server, ledger, say, contentsShown } = await ledgerOf('milk');
    await say(['head', server.headFrame()]);
    void ledger.commands.send({ type: 'append', content: 'eggs' }, 'eggs');
    await settle();
    expect(ledger.commands.pending.value).toMatchObject([{ state: 'saved' }]);
    expect(contentsShown()).toEqual(['milk']);
    await say(['message', server.frame(2)]);
    expect(ledger.commands.pending.value).toEqual([]);
    expect(contentsShown()).toEqual(['milk', 'eggs']);
  });

  it('brings what was saved by itself while the stream is down', async () => {
    const { ledger, contentsShown } = await ledgerOf('milk');
    void ledger.commands.send({ type: 'append', content: 'eggs' }, 'eggs');
    await settle();
    expect(contentsShown()).toEqual(['milk', 'eggs']);
    expect(ledger.commands.pending.value).toEqual([]);
    expect(ledger.history.top.value).toBe(2);
  });

  it('brings what was saved by itself from the moment the stream breaks', async () => {
    const { server, source, ledger, say, contentsShown } = await ledgerOf('milk');
    await say(['head', server.headFrame()]);
    source.last().fail();
    expect(ledger.connection.value).toBe('live');
    void ledger.commands.send({ type: 'append', content: 'eggs' }, 'eggs');
    await settle();
    expect(contentsShown()).toEqual(['milk', 'eggs']);
    expect(ledger.commands.pending.value).toEqual([]);
  });

  it('ends a command that a state fetched before its answer holds already', async () => {
    const { server, ledger, say, contentsShown } = await ledgerOf('milk');
    await say(['head', server.headFrame()]);
    const answer = server.holdAnswers();
    void ledger.commands.send({ type: 'append', content: 'eggs' }, 'eggs');
    await settle();
    await say(['head', server.headFrame()]);
    expect(contentsShown()).toEqual(['milk', 'eggs']);
    answer();
    await settle();
    expect(ledger.commands.pending.value).toEqual([]);
  });

  it('shows what happens while the stream is refused', async () => {
    const { server, source, say, contentsShown } = await ledgerOf('milk');
    await say(['head', server.headFrame()]);
    server.append('eggs');
    source.last().fail(true);
    await settle();
    expect(contentsShown()).toEqual(['milk', 'eggs']);
  });

  it('finds the other log where its events come before its head, one of them too large to be told', async () => {
    const { server, source, ledger, say, contentsShown } = await ledgerOf('milk');
    await say(['head', server.headFrame()]);
    server.log = 'bbbbbbbb';
    server.append('eggs', 'tea');
    await say(['message', server.frame(2, { withChanges: false })]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ledger.log.value).toBe('bbbbbbbb');
    expect(contentsShown()).toEqual(['milk', 'eggs', 'tea']);
    expect(source.last().address).toBe('/sse/ledgers/main?after=3');
  });

  it('no longer shows what another log had saved', async () => {
    const { server, ledger, say } = await ledgerOf('milk');
    await say(['head', server.headFrame()]);
    void ledger.commands.send({ type: 'append', content: 'eggs' }, 'eggs');
    await settle();
    expect(ledger.commands.pending.value).toMatchObject([{ state: 'saved', version: 2 }]);
    await say(['reset', { version: 1, log: server.log }], ['reset', { version: 0, log: server.log }]);
    expect(ledger.version.value).toBe(0);
    expect(ledger.commands.pending.value).toEqual([]);
  });

  it('does not mind an earlier attempt to load that fails after a later one succeeded', async () => {
    const server = new FakeServer();
    const http = server.http();
    let failFirst: (error: HttpError) => void = () => {};
    const heads = [new Promise<never>((_, reject) => (failFirst = reject)), http.head()];
    const ledger = inScope(() => useLedger({
      name: 'main', presence: presence(), http: { ...http, head: () => heads.shift() ?? http.head() },
      connect: sources().connect, random: () => 1,
    }));
    const first = ledger.load();
    await ledger.load();
    failFirst(new HttpError('busy', 503));
    await first;
    expect(ledger.phase.value).toBe('ready');
  });

  it('does not promise to try again what cannot succeed', async () => {
    const server = new FakeServer();
    server.failure = new HttpError('there is no such ledger', 404);
    const ledger = inScope(() => useLedger({
      name: 'main', presence: presence(), http: server.http(), connect: sources().connect, random: () => 1,
    }));
    await ledger.load();
    expect([ledger.phase.value, ledger.retrying.value]).toEqual(['error', false]);
  });

  it('says why it cannot be loaded, and tries again', async () => {
    const server = new FakeServer();
    server.failure = new HttpError('the database is away', 503);
    const source = sources();
    const ledger = inScope(() => useLedger({
      name: 'main', presence: presence(), http: server.http(), connect: source.connect, random: () => 1,
    }));
    await ledger.load();
    expect(ledger.phase.value).toBe('error');
    expect(ledger.problem.value).toBe('the database is away');
    expect(source.opened).toHaveLength(0);
    server.failure = null;
    await vi.advanceTimersByTimeAsync(500);
    expect(ledger.phase.value).toBe('ready');
    expect(source.opened).toHaveLength(1);
  });
});
