/*
 * One ledger as this page knows it: its items at a version, brought up to date by the stream.
 *
 * The rule that makes losses and duplicates harmless: an event is applied only where its version is the next one;
 * older ones are ignored, and a gap is healed by fetching the state.  Frames are handled strictly in order, one
 * at a time, because some of them need a request.
 */
import { onScopeDispose, shallowRef } from 'vue';
import type { Head, Item, StatePage } from '../api';
import { createHttp, HttpError, type Http } from '../http';
import { applyChanges } from '../model/items';
import { backoffMs } from '../model/backoff';
import { useCommands } from './useCommands';
import { useHistory } from './useHistory';
import type { Presence } from './usePresence';
import { useSession } from './useSession';
import { useStream, type Frame, type Source } from './useStream';

export interface LedgerOptions {
  readonly name: string;
  readonly presence: Presence;
  readonly http?: Http;
  readonly connect?: (address: string) => Source;
  readonly random?: () => number;
}

export function useLedger(options: LedgerOptions) {
  const { name, presence, random = Math.random } = options;
  const http = options.http ?? createHttp(name);
  const phase = shallowRef<'loading' | 'ready' | 'error'>('loading');
  /** Why loading failed, while the phase is "error". */
  const problem = shallowRef('');
  /** Whether it is tried again by itself then. */
  const retrying = shallowRef(false);
  const log = shallowRef('');
  const version = shallowRef(0);
  const items = shallowRef<readonly Item[]>([]);

  const history = useHistory(http);
  const session = useSession({ ask: http.session, presence, random });
  const commands = useCommands({
    send: (command, key, ifMatch) => http.send(command, key, ifMatch).catch((error: unknown) => {
      /* Signed out meanwhile, or a guest by now: what is offered follows. */
      if (error instanceof HttpError && error.signedOut)
        void session.refresh();
      throw error;
    }),
    presence,
    random,
    /* The stream brings what was just saved, unless it is down, or a state fetched meanwhile holds it already. */
    onSaved: (saved) => {
      if (saved <= version.value)
        commands.settleUpTo(version.value);
      else if (!stream.flowing())
        void catchUp().catch(() => {});
    },
  });
  const stream = useStream({
    address: () => `/sse/ledgers/${name}?after=${version.value}`,
    presence,
    random,
    probe: catchUp,
    onFrames: (frames) => {
      inbox.push(...frames);
      void drain();
    },
    ...(options.connect === undefined ? {} : { connect: options.connect }),
  });

  let inbox: Frame[] = [];
  let draining = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  /** Counts the attempts to load: what becomes of one that is not the last does not matter. */
  let attempt = 0;

  function show(state: StatePage) {
    items.value = state.items;
    version.value = state.version;
    log.value = state.log;
    commands.settleUpTo(state.version);
  }

  /** Takes over the state at the head, unless what is shown is already newer. */
  async function catchUp() {
    const state = await http.head();
    if (state.log !== log.value)
      return startOver(state);
    if (state.version > version.value)
      show(state);
    history.expect(state.version);
  }

  /** Another log, or one that went back: nothing known so far means anything any more. */
  function startOver(state: StatePage) {
    commands.forgetSaved();
    show(state);
    return history.reload(state.version);
  }

  async function onEvent({ streamed: { event, changes } }: Extract<Frame, { kind: 'event' }>) {
    if (event.version === version.value + 1) {
      if (changes === null) {
        show(await http.state(event.version, log.value));
      } else {
        items.value = applyChanges(items.value, changes);
        version.value = event.version;
      }
    } else if (event.version > version.value) {
      await catchUp();
    }
    history.receive(event);
    commands.settle(event);
  }

  async function onHead(head: Head) {
    if (head.log !== log.value)
      await startOver(await http.head());
    else if (head.version > version.value)
      await catchUp();
    history.expect(version.value);
    if (history.phase.value === 'error')
      void history.load();
    stream.live();
  }

  async function onReset(head: Head) {
    if (head.log !== log.value)
      return startOver(await http.head());
    const back = head.version < version.value;
    const state = await http.state(head.version, head.log);
    if (back)
      return startOver(state);
    show(state);
    history.expect(head.version);
  }

  async function drain() {
    if (draining)
      return;
    draining = true;
    try {
      for (let frame = inbox.shift(); frame !== undefined; frame = inbox.shift()) {
        if (frame.kind === 'event')
          await onEvent(frame);
        else if (frame.kind === 'head')
          await onHead(frame.head);
        else
          await onReset(frame.head);
      }
    } catch (error) {
      /* What could not be fetched now comes again: the stream goes on from the version reached. */
      inbox = [];
      /* It never can be, where it is of a log that is gone: then the stream goes on from the head of the other. */
      if (error instanceof HttpError && error.status === 410)
        await catchUp().catch(() => {});
      stream.reopen();
    } finally {
      draining = false;
    }
  }

  async function load(): Promise<void> {
    const mine = ++attempt;
    clearTimeout(retry);
    try {
      /* What may be done is known before the list is shown: nothing appears and goes again. */
      const [state] = await Promise.all([http.head(), session.refresh()]);
      if (mine !== attempt)
        return;
      show(state);
      phase.value = 'ready';
      history.expect(state.version);
      stream.start();
    } catch (caught) {
      if (mine !== attempt)
        return;
      const error = caught instanceof HttpError ? caught : new HttpError(String(caught), null);
      problem.value = error.signedOut ? 'you are signed out' : error.message;
      phase.value = 'error';
      retrying.value = error.transient;
      if (error.transient)
        retry = setTimeout(() => void load(), backoffMs(failures++, error.retryAfterMs, random));
    }
  }

  onScopeDispose(() => clearTimeout(retry));

  return {
    name, http, phase, problem, retrying, log, version, items, history, commands, session,
    connection: stream.connection,
    load() {
      void history.load();
      return load();
    },
  };
}

export type Ledger = ReturnType<typeof useLedger>;
