import { describe, expect, it } from 'vitest';
import { HttpError } from '../http';
import { FakeServer } from '../testing/fakes';
import { KEPT, useHistory } from './useHistory';

function historyOf(events: number) {
  const server = new FakeServer();
  server.append(...Array.from({ length: events }, (_, index) => `item ${index + 1}`));
  const history = useHistory(server.http());
  const versions = () => history.events.value.map(({ version }) => version);
  return { server, history, versions };
}

const settle = () => new Promise((resolve) => setTimeout(resolve));
const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index);

describe('the history', () => {
  it('loads the newest page, then older ones, to the beginning', async () => {
    const { history, versions } = historyOf(120);
    await history.load();
    expect(versions()).toEqual(down(120, 71));
    await Promise.all([history.loadMore(), history.loadMore()]);
    expect(versions()).toEqual(down(120, 21));
    await history.loadMore();
    await history.loadMore();
    expect(versions()).toEqual(down(120, 1));
    expect(history.next.value).toBeNull();
  });

  it('takes the next event from the stream, and ignores those it has', async () => {
    const { server, history, versions } = historyOf(2);
    await history.load();
    server.append('tea');
    history.receive(server.events[2]!);
    history.receive(server.events[2]!);
    history.receive(server.events[0]!);
    expect(versions()).toEqual([3, 2, 1]);
    expect(server.requests).toEqual(['newest']);
  });

  it('updates the flags of loaded events when a rewind arrives', async () => {
    const { server, history } = historyOf(4);
    await history.load();
    expect([...history.active.value]).toEqual([4, 3, 2, 1]);
    server.run({ type: 'rewind', version: 3 });
    history.receive(server.events[4]!);
    expect([...history.active.value]).toEqual([5, 2, 1]);
  });

  it('fills a gap', async () => {
    const { server, history, versions } = historyOf(2);
    await history.load();
    server.append('a', 'b', 'c');
    history.receive(server.events[4]!);
    await settle();
    expect(versions()).toEqual([5, 4, 3, 2, 1]);
  });

  it('fills what came while the first page was on its way', async () => {
    const { server, history, versions } = historyOf(2);
    const loading = history.load();
    await Promise.resolve();
    server.append('a');
    history.receive(server.events[2]!);
    await loading;
    expect(versions()).toEqual([3, 2, 1]);
  });

  it('loads the newest page where the gap is too wide', async () => {
    const { server, history, versions } = historyOf(2);
    await history.load();
    server.append(...Array.from({ length: 1500 }, () => 'x'));
    history.expect(1502);
    await settle();
    expect(versions()).toEqual(down(1502, 1453));
  });

  it('keeps what it has when older events cannot be loaded, and says so', async () => {
    const { server, history, versions } = historyOf(60);
    await history.load();
    server.failure = new HttpError('busy', 503);
    await history.loadMore();
    expect(history.failedMore.value).toBe(true);
    server.failure = null;
    await history.loadMore();
    expect(history.failedMore.value).toBe(false);
    expect(versions()).toEqual(down(60, 1));
  });

  it('forgets everything when the log is another one, also what is still on its way', async () => {
    const { server, history, versions } = historyOf(60);
    await history.load();
    const late = history.loadMore();
    server.replace('bbbbbbbb');
    server.append('new');
    await Promise.all([late, history.reload(1)]);
    expect(versions()).toEqual([1]);
    expect(history.find(1)?.body).toEqual({ type: 'item-appended', content: 'new' });
  });

  it('shows nothing of another log while the new one cannot be loaded', async () => {
    const { server, history, versions } = historyOf(3);
    await history.load();
    server.failure = new HttpError('busy', 503);
    await history.reload(1);
    expect(versions()).toEqual([]);
    expect(history.phase.value).toBe('error');
    expect(history.next.value).toBeNull();
  });

  it('gives up the older half of very many, which can be loaded again', async () => {
    const { server, history, versions } = historyOf(2 * KEPT + 9);
    await history.load();
    while (history.events.value.length < 2 * KEPT - 50)
      await history.loadMore();
    for (let count = 49; count > 0; count--) {
      server.append('more');
      history.receive(server.events.at(-1)!);
    }
    history.trim();
    expect(versions()).toHaveLength(2 * KEPT - 1);
    server.append('one more');
    history.receive(server.events.at(-1)!);
    history.trim();
    expect(versions()).toEqual(down(server.head, server.head - KEPT + 1));
    await history.loadMore();
    expect(versions()).toEqual(down(server.head, server.head - KEPT - 49));
    expect(history.find(server.head - KEPT)?.version).toBe(server.head - KEPT);
  });

  it('fetches an event that is spoken of once', async () => {
    const { server, history } = historyOf(60);
    await history.load();
    history.mention(2);
    history.mention(2);
    history.mention(59);
    await settle();
    expect(history.find(2)?.version).toBe(2);
    expect(server.requests.filter((request) => request.startsWith('event '))).toEqual(['event 2']);
  });

  it('says when it cannot be loaded at all', async () => {
    const { server, history } = historyOf(1);
    server.failure = new HttpError('busy', 503);
    await history.load();
    expect(history.phase.value).toBe('error');
    server.failure = null;
    await history.load();
    expect(history.phase.value).toBe('ready');
  });
});
