/*
 * Requests to the server, and what can come of them: a checked answer, or one HttpError that says whether trying
 * again can help.  Everything else in the page talks to the server through these functions.
 */
import {
  decodeAccepted, decodeDiff, decodeEvent, decodeEvents, decodeLedgers, decodeSession, decodeState,
  type Accepted, type Command, type DiffPage, type EventsPage, type Item, type LedgerEvent, type LedgerSummary,
  type Session, type StatePage,
} from './api';

/** Longer than the 20 s for which the server may hold a command whose outcome it is still finding out. */
const TIMEOUT_MS = 25_000;
/** From the first line of an answer to its end: 4 MiB at 0.3 Mbit/s. */
const BODY_TIMEOUT_MS = 120_000;
/** The most that one answer may hold, so that a long list takes few round trips. */
const ITEMS_PER_PAGE = 10_000;
export const EVENTS_PER_PAGE = 50;

/** Without a status, the request never got an answer. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    message: string,
    readonly status: number | null,
    /** The server's floor for the next try, in ms. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }

  /** Whether the same request may succeed later as it is: it never arrived, or the server was busy or away. */
  get transient(): boolean {
    return this.status === null || this.status === 429 || this.status >= 502;
  }

  get signedOut(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After') ?? '0');
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}

/** The reason of a refusal: the detail of its problem document, else the status. */
async function refusal(response: Response): Promise<HttpError> {
  let reason = `the server answered ${response.status}`;
  try {
    const problem: unknown = await response.json();
    if (typeof problem === 'object' && problem !== null) {
      const { detail, title } = problem as { detail?: unknown; title?: unknown };
      if (typeof detail === 'string' && detail !== '')
        reason = detail;
      else if (typeof title === 'string' && title !== '')
        reason = title;
    }
  } catch {
    /* A proxy's own error page: the status is all there is to say. */
  }
  return new HttpError(reason, response.status, retryAfterMs(response));
}

export type Http = ReturnType<typeof createHttp>;

/** The requests about one ledger. */
export function createHttp(ledger: string, fetcher: Fetch = (input, init) => fetch(input, init)) {
  const root = `/api/ledgers/${ledger}`;

  async function request<T>(url: string, decode: (value: unknown) => T, init: RequestInit = {}): Promise<T> {
    const abort = new AbortController();
    let timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    let body: unknown;
    try {
      let response: Response;
      try {
        response = await fetcher(url, { ...init, signal: abort.signal });
      } catch {
        throw new HttpError('the server cannot be reached', null);
      }
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), BODY_TIMEOUT_MS);
      if (!response.ok)
        throw await refusal(response);
      try {
        body = await response.json();
      } catch {
        throw new HttpError('the answer was cut off', null);
      }
    } finally {
      clearTimeout(timer);
    }
    return decode(body);
  }

  /** All pages of a state; `next` pins the version of the first, so the whole is one state. */
  async function wholeState(url: string): Promise<StatePage> {
    const first = await request(url, decodeState);
    const items: Item[] = [...first.items];
    for (let { next } = first; next !== null;) {
      const page = await request(next, decodeState);
      items.push(...page.items);
      next = page.next;
    }
    return { ...first, items, next: null };
  }

  return {
    head: (): Promise<StatePage> => wholeState(`${root}?limit=${ITEMS_PER_PAGE}`),

    /** Naming the log makes the answer immutable: the browser keeps it, and another log's state is refused. */
    state: (version: number, log: string): Promise<StatePage> =>
      wholeState(`${root}/states/${version}?log=${log}&limit=${ITEMS_PER_PAGE}`),

    newestEvents: (): Promise<EventsPage> => request(`${root}/events?limit=${EVENTS_PER_PAGE}`, decodeEvents),

    eventsAfter: (version: number, limit: number): Promise<EventsPage> =>
      request(`${root}/events?after=${version}&limit=${limit}`, decodeEvents),

    eventsAt: (next: string): Promise<EventsPage> => request(next, decodeEvents),

    /** Where those before a version are. */
    eventsBefore: (version: number): string => `${root}/events?before=${version}&limit=${EVENTS_PER_PAGE}`,

    event: (version: number): Promise<LedgerEvent> => request(`${root}/events/${version}`, decodeEvent),

    /** From the head to the state before event `target`: what rewinding it would do. */
    async rewindDiff(target: number): Promise<DiffPage> {
      const first = await request(`${root}/diff?to=${target - 1}`, decodeDiff);
      const added = [...first.added];
      const removed = [...first.removed];
      const changed = [...first.changed];
      for (let { next } = first; next !== null;) {
        const page = await request(next, decodeDiff);
        added.push(...page.added);
        removed.push(...page.removed);
        changed.push(...page.changed);
        next = page.next;
      }
      return { ...first, added, removed, changed, next: null };
    },

    /** Sending the same key again is harmless: the server answers what it answered first. */
    send(command: Command, key: string, ifMatch: number | null): Promise<Accepted> {
      const headers: Record<string, string> = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
      if (ifMatch !== null)
        headers['If-Match'] = `"${ifMatch}"`;
      return request(`${root}/commands`, decodeAccepted, {
        method: 'POST',
        headers,
        body: JSON.stringify(command),
      });
    },

    session: (): Promise<Session> => request('/api/session', decodeSession),

    async ledgers(): Promise<LedgerSummary[]> {
      const all: LedgerSummary[] = [];
      for (let next: string | null = '/api/ledgers'; next !== null;) {
        const page: { ledgers: LedgerSummary[]; next: string | null } = await request(next, decodeLedgers);
        all.push(...page.ledgers);
        next = page.next;
      }
      return all;
    },
  };
}
