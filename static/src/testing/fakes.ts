/*
 * What the unit tests put in the place of the server and the browser: a small ledger kept in memory that answers
 * like the real one, event streams that the test feeds, and presence that it decides.
 */
import { effectScope, ref } from 'vue';
import type { Accepted, Change, Command, DiffPage, EventsPage, Item, LedgerEvent, Session, StatePage } from '../api';
import type { Source } from '../composables/useStream';
import { HttpError, type Http } from '../http';

export function presence() {
  return { awake: ref(true), online: ref(true) };
}

/** Runs a composable as a component would; `stop` unmounts it. */
export function inScope<T>(setup: () => T): T & { stop: () => void } {
  const scope = effectScope();
  const made = scope.run(setup)!;
  return Object.assign({}, made, { stop: () => scope.stop() });
}

export class FakeSource implements Source {
  readyState = 0;
  onerror: ((event: Event) => void) | null = null;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly address: string) {}

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void) {
    this.listeners.set(type, listener);
  }

  close() {
    this.readyState = 2;
  }

  say(type: string, data: unknown) {
    this.listeners.get(type)?.({ data: JSON.stringify(data) } as MessageEvent<string>);
  }

  /** The connection breaks; `forGood` as after an answer that is no event stream. */
  fail(forGood = false) {
    this.readyState = forGood ? 2 : 0;
    this.onerror?.(new Event('error'));
  }
}

/** Event streams in the order they were opened. */
export function sources() {
  const opened: FakeSource[] = [];
  return {
    opened,
    last: () => opened.at(-1)!,
    connect(address: string): Source {
      const source = new FakeSource(address);
      opened.push(source);
      return source;
    },
  };
}

export class FakeServer {
  log = 'aaaaaaaa';
  events: LedgerEvent[] = [];
  /** Thrown by every request while set. */
  failure: HttpError | null = null;
  requests: string[] = [];
  session: Session = { actor: null, writable: true };
  /** What the answers to commands wait for. */
  private held: Promise<void> = Promise.resolve();
  private states: ReadonlyMap<string, Item>[] = [new Map()];
  private readonly answers = new Map<string, Accepted>();

  get head(): number {
    return this.events.length;
  }

  state(version: number): Item[] {
    return [...this.states[version]!.values()].sort((a, b) => a.version - b.version);
  }

  changes(version: number): Change[] {
    const before = this.states[version - 1]!;
    const after = this.states[version]!;
    return [
      ...[...before.keys()].filter((id) => !after.has(id)).map((id): Change => ({ kind: 'removed', id })),
      ...[...after.values()].filter(({ id }) => !before.has(id)).map((item): Change => ({ kind: 'put', item })),
    ];
  }

  /** The event as the stream says it. */
  frame(version: number, { withChanges = true } = {}) {
    const event = this.events[version - 1]!;
    const { body } = event;
    const data = body.type === 'rewound' ? { version: body.target }
      : body.type === 'item-removed' ? { item: body.item, content: body.content }
        : body.type === 'item-appended' ? { content: body.content } : {};
    return {
      version, position: event.position, id: event.id, type: body.type, data, base: event.base, actor: event.actor,
      command_id: event.commandId, recorded_at: event.recordedAt,
      changes: !withChanges ? null : this.changes(version).map((change) => (change.kind === 'put'
        ? { key: change.item.id, value: { content: change.item.content }, origin: change.item.version }
        : { key: change.id, removed: true })),
    };
  }

  headFrame() {
    return { version: this.head, log: this.log };
  }

  run(command: Command, key = `key-${this.head + 1}`, actor: string | null = null): Accepted {
    const known = this.answers.get(key);
    if (known)
      return known;
    const version = this.head + 1;
    const id = `event-${this.log}-${version}`;
    const state = new Map(this.states[version - 1]);
    let body: LedgerEvent['body'];
    let base = version - 1;
    let next: ReadonlyMap<string, Item> = state;
    if (command.type === 'append') {
      body = { type: 'item-appended', content: command.content };
      state.set(id, { id, content: command.content, version });
    } else if (command.type === 'remove') {
      const item = state.get(command.item);
      if (item === undefined)
        throw new HttpError(`no item "${command.item}"`, 404);
      body = { type: 'item-removed', item: item.id, content: item.content };
      state.delete(item.id);
    } else {
      body = { type: 'rewound', target: command.version };
      base = command.version - 1;
      next = this.states[base]!;
    }
    const event: LedgerEvent = {
      version, position: version, id, base, actor, commandId: key, recordedAt: '2026-08-03T14:02:00.000000Z', body,
    };
    this.events.push(event);
    this.states.push(next);
    const answer = { log: this.log, version, events: [event] };
    this.answers.set(key, answer);
    return answer;
  }

  append(...contents: string[]) {
    for (const content of contents)
      this.run({ type: 'append', content });
  }

  /** Commands are done, but their answers arrive only when what this returns is called. */
  holdAnswers(): () => void {
    let release = () => {};
    this.held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  /** As after a restored backup or a wiped volume. */
  replace(log: string) {
    this.log = log;
    this.events = [];
    this.states = [new Map()];
    this.answers.clear();
  }

  private ask<T>(request: string, answer: () => T): Promise<T> {
    this.requests.push(request);
    return new Promise((resolve, reject) => {
      queueMicrotask(() => {
        try {
          if (this.failure !== null)
            throw this.failure;
          resolve(answer());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  private page(events: LedgerEvent[], next: string | null): EventsPage {
    return { log: this.log, version: this.head, events, next };
  }

  /** The events below a version, newest first; the address of the next page is that version. */
  private below(before: number, limit = 50): EventsPage {
    const events = this.events.slice(0, before - 1).reverse().slice(0, limit);
    const oldest = events.at(-1)?.version ?? 1;
    return this.page(events, oldest > 1 ? String(oldest) : null);
  }

  http(): Http {
    const stateOf = (version: number): StatePage => ({
      log: this.log, version, items: this.state(version), next: null,
    });
    return {
      head: () => this.ask('head', () => stateOf(this.head)),
      state: (version, log) => this.ask(`state ${version}`, () => {
        if (log !== this.log)
          throw new HttpError('another log', 410);
        return stateOf(version);
      }),
      newestEvents: () => this.ask('newest', () => this.below(this.head + 1)),
      eventsAfter: (version, limit) => this.ask(`after ${version}`, () =>
        this.page(this.events.slice(version, version + limit), null)),
      eventsBefore: (version) => String(version),
      eventsAt: (next) => this.ask(`at ${next}`, () => this.below(Number(next))),
      event: (version) => this.ask(`event ${version}`, () => {
        const event = this.events[version - 1];
        if (event === undefined)
          throw new HttpError('no such event', 404);
        return event;
      }),
      rewindDiff: (target) => this.ask(`diff ${target}`, (): DiffPage => {
        const now = this.state(this.head);
        const then = this.state(target - 1);
        const without = (some: Item[], others: Item[]) => some.filter(({ id }) => others.every((one) => one.id !== id));
        return {
          from: this.head, to: target - 1, added: without(then, now), removed: without(now, then), changed: [], next: null,
        };
      }),
      send: async (command, key, ifMatch) => {
        const answer = await this.ask(`send ${command.type} ${key}`, () => {
          if (!this.session.writable)
            throw new HttpError('you may only look', 403);
          if (!this.answers.has(key) && ifMatch !== null && ifMatch !== this.head)
            throw new HttpError(`the ledger is at version ${this.head}`, 412);
          return this.run(command, key);
        });
        await this.held;
        return answer;
      },
      session: () => this.ask('session', () => this.session),
      ledgers: () => this.ask('ledgers', () => []),
    };
  }
}
