import { describe, expect, it } from 'vitest';
import { createHttp, HttpError } from './http';

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
}

function serverOf(answers: Record<string, Response>) {
  const asked: { url: string; init: RequestInit }[] = [];
  const http = createHttp('main', (url, init = {}) => {
    asked.push({ url, init });
    const found = answers[url];
    return found === undefined ? Promise.reject(new TypeError('network')) : Promise.resolve(found);
  });
  return { http, asked };
}

const item = (version: number) => ({ id: `e${version}`, content: 'x', version });

describe('requests', () => {
  it('follow the pages of a state to the end', async () => {
    const next = '/api/ledgers/main/states/3?log=l&after=1';
    const { http } = serverOf({
      '/api/ledgers/main?limit=10000': answer(200, { log: 'l', version: 3, items: [item(1)], next }),
      [next]: answer(200, { log: 'l', version: 3, items: [item(2), item(3)], next: null }),
    });
    const state = await http.head();
    expect(state.items.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect(state.next).toBeNull();
  });

  it('follow the pages of a diff to the end', async () => {
    const page = (added: number, next: string | null) =>
      answer(200, { from: 5, to: 1, added: [item(added)], removed: [], changed: [], next });
    const { http } = serverOf({ '/api/ledgers/main/diff?to=1': page(1, '/next'), '/next': page(2, null) });
    expect((await http.rewindDiff(2)).added).toHaveLength(2);
  });

  it('follow the pages of the ledgers to the end', async () => {
    const page = (ledger: string, next: string | null) => answer(200, { ledgers: [{ ledger, items: 1 }], next });
    const { http } = serverOf({ '/api/ledgers': page('a', '/next'), '/next': page('b', null) });
    expect((await http.ledgers()).map(({ ledger }) => ledger)).toEqual(['a', 'b']);
  });

  it('send a command with its key and condition', async () => {
    const { http, asked } = serverOf({
      '/api/ledgers/main/commands': answer(201, { log: 'l', version: 4, events: [] }),
    });
    await http.send({ type: 'rewind', version: 2 }, 'key', 3);
    expect(asked[0]?.init).toMatchObject({
      method: 'POST', body: '{"type":"rewind","version":2}',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'key', 'If-Match': '"3"' },
    });
  });

  it('give the reason of a refusal', async () => {
    const { http } = serverOf({
      '/api/ledgers/main/events/9': answer(404, { type: 'about:blank', title: 'Not Found', detail: 'no event 9' }),
    });
    await expect(http.event(9)).rejects.toMatchObject({ status: 404, message: 'no event 9', transient: false });
  });

  it('tell failures that pass from refusals', async () => {
    const of = async (response?: Response) => {
      const { http } = serverOf(response === undefined ? {} : { '/api/ledgers/main/events/1': response });
      return http.event(1).then(() => null, (error: HttpError) => error);
    };
    expect(await of()).toMatchObject({ status: null, transient: true });
    expect(await of(answer(503, 'busy', { 'Retry-After': '2' }))).toMatchObject({ transient: true, retryAfterMs: 2000 });
    expect(await of(answer(504, '{}'))).toMatchObject({ transient: true });
    expect(await of(answer(200, '{"version":'))).toMatchObject({ transient: true });
    expect(await of(answer(422, '{}'))).toMatchObject({ transient: false });
    expect(await of(answer(403, '{}'))).toMatchObject({ transient: false, signedOut: true });
  });
});
