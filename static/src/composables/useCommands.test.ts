import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HttpError } from '../http';
import { FakeServer, inScope, presence } from '../testing/fakes';
import { useCommands, type Outcome } from './useCommands';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function commandsOf() {
  const server = new FakeServer();
  const at = presence();
  const saved: number[] = [];
  const commands = inScope(() => useCommands({
    send: server.http().send, presence: at, random: () => 1, onSaved: (version) => saved.push(version),
  }));
  const outcomes: Outcome[] = [];
  const append = (content: string) => {
    void commands.send({ type: 'append', content }, content).then((outcome) => outcomes.push(outcome));
  };
  const states = () => commands.pending.value.map(({ about, state }) => `${about} ${state}`);
  return { server, at, saved, commands, outcomes, append, states };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe('commands', () => {
  it('show at once, are saved, and end with their event', async () => {
    const { server, saved, commands, outcomes, append, states } = commandsOf();
    append('milk');
    expect(states()).toEqual(['milk sending']);
    expect(commands.unsent.value).toBe(1);
    await settle();
    expect(states()).toEqual(['milk saved']);
    expect(commands.unsent.value).toBe(0);
    expect(saved).toEqual([1]);
    expect(outcomes).toEqual([{ kind: 'accepted', version: 1 }]);
    commands.settle(server.events[0]!);
    expect(states()).toEqual([]);
  });

  it('end as well where a state of their version is shown', async () => {
    const { commands, append, states } = commandsOf();
    append('milk');
    append('eggs');
    await settle();
    commands.settleUpTo(1);
    expect(states()).toEqual(['eggs saved']);
    commands.settleUpTo(2);
    expect(states()).toEqual([]);
  });

  it('arrive in the order they were given', async () => {
    const { server, append } = commandsOf();
    server.failure = new HttpError('busy', 503);
    append('milk');
    append('eggs');
    await settle();
    server.failure = null;
    append('tea');
    await vi.advanceTimersByTimeAsync(500);
    expect(server.state(3).map(({ content }) => content)).toEqual(['milk', 'eggs', 'tea']);
  });

  it('are withdrawn with the reason when refused, the others go on', async () => {
    const { server, commands, outcomes, append, states } = commandsOf();
    void commands.send({ type: 'remove', item: 'gone' }, 'eggs').then((outcome) => outcomes.push(outcome));
    append('milk');
    await settle();
    expect(outcomes[0]).toMatchObject({ kind: 'refused', error: { status: 404, message: 'no item "gone"' } });
    expect(states()).toEqual(['milk saved']);
    expect(server.head).toBe(1);
  });

  it('are sent again with the same key, later each time, until they arrive', async () => {
    const { server, append, states } = commandsOf();
    server.failure = new HttpError('the server cannot be reached', null);
    append('milk');
    await settle();
    expect(states()).toEqual(['milk waiting']);
    await vi.advanceTimersByTimeAsync(500);
    expect(server.requests).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(999);
    expect(server.requests).toHaveLength(2);
    server.failure = null;
    await vi.advanceTimersByTimeAsync(1);
    expect(new Set(server.requests).size).toBe(1);
    expect(states()).toEqual(['milk saved']);
  });

  it('wait as long as the server asks', async () => {
    const { server, append } = commandsOf();
    server.failure = new HttpError('busy', 503, 5000);
    append('milk');
    await vi.advanceTimersByTimeAsync(5499);
    expect(server.requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(server.requests).toHaveLength(2);
  });

  it('are sent at once when the network is back', async () => {
    const { server, at, append, states } = commandsOf();
    at.online.value = false;
    server.failure = new HttpError('the server cannot be reached', null);
    append('milk');
    await settle();
    server.failure = null;
    at.online.value = true;
    await settle();
    expect(states()).toEqual(['milk saved']);
  });

  it('end with their event even if the answer is lost', async () => {
    const { server, commands, outcomes, append, states } = commandsOf();
    server.failure = new HttpError('the server cannot be reached', null);
    append('milk');
    await settle();
    const { key } = commands.pending.value[0]!;
    commands.settle(server.run({ type: 'append', content: 'milk' }, key).events[0]!);
    expect(states()).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(outcomes).toEqual([{ kind: 'accepted', version: 1 }]);
    expect(server.requests).toHaveLength(1);
  });

  it('leave nothing behind', async () => {
    const { server, commands, append } = commandsOf();
    server.failure = new HttpError('busy', 503);
    append('milk');
    await settle();
    commands.stop();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });
});
