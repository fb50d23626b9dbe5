/*
 * The commands of this page on their way to the server: shown at once, sent in order, one at a time.
 *
 * A command is sent with a key of its own until the server has answered it, again and again where the network or
 * the server failed: the key makes that harmless.  It is over when the stream (or a fetched state) has brought
 * its event, or when the server refused it.
 */
import { computed, onScopeDispose, shallowRef, watch } from 'vue';
import type { Accepted, Command, LedgerEvent } from '../api';
import { HttpError } from '../http';
import { backoffMs } from '../model/backoff';
import { randomUuid } from '../model/uuid';
import type { Presence } from './usePresence';

export interface Pending {
  readonly key: string;
  readonly command: Command;
  /** The content it is about, for its sentence. */
  readonly about: string;
  readonly ifMatch: number | null;
  /** "saved": the server has it, the stream has not brought it yet. */
  readonly state: 'sending' | 'waiting' | 'saved';
  /** The version the server gave it, once saved. */
  readonly version: number | null;
}

export type Outcome =
  | { readonly kind: 'accepted'; readonly version: number }
  | { readonly kind: 'refused'; readonly error: HttpError };

export interface CommandsOptions {
  readonly send: (command: Command, key: string, ifMatch: number | null) => Promise<Accepted>;
  readonly presence: Presence;
  /** The server has recorded a command: its version is there to be read. */
  readonly onSaved: (version: number) => void;
  readonly random?: () => number;
}

export function useCommands(options: CommandsOptions) {
  const pending = shallowRef<readonly Pending[]>([]);
  const outcomes = new Map<string, (outcome: Outcome) => void>();
  let pumping = false;
  let disposed = false;
  let wake: () => void = () => {};

  function update(key: string, change: Partial<Pending>) {
    pending.value = pending.value.map((one) => (one.key === key ? { ...one, ...change } : one));
  }

  function conclude(key: string, outcome: Outcome) {
    outcomes.get(key)?.(outcome);
    outcomes.delete(key);
  }

  function drop(keep: (one: Pending) => boolean) {
    if (!pending.value.every(keep))
      pending.value = pending.value.filter(keep);
  }

  /** Until `ms` are over, or sooner when there is a reason to hope. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function deliver(one: Pending) {
    for (let failures = 0; outcomes.has(one.key) && !disposed; failures++) {
      try {
        const { version } = await options.send(one.command, one.key, one.ifMatch);
        update(one.key, { state: 'saved', version });
        conclude(one.key, { kind: 'accepted', version });
        options.onSaved(version);
        return;
      } catch (caught) {
        /* A wrong answer may still have been a yes: the same key finds out. */
        const error = caught instanceof HttpError ? caught : new HttpError('the answer makes no sense', null);
        if (!error.transient) {
          drop(({ key }) => key !== one.key);
          conclude(one.key, { kind: 'refused', error });
          return;
        }
        update(one.key, { state: 'waiting' });
        await pause(backoffMs(failures, error.retryAfterMs, options.random));
      }
    }
  }

  async function pump() {
    if (pumping)
      return;
    pumping = true;
    for (;;) {
      const next = pending.value.find(({ state }) => state !== 'saved');
      if (next === undefined || disposed)
        break;
      await deliver(next);
    }
    pumping = false;
  }

  function send(command: Command, about: string, ifMatch: number | null = null): Promise<Outcome> {
    const key = randomUuid();
    pending.value = [...pending.value, { key, command, about, ifMatch, state: 'sending', version: null }];
    return new Promise((resolve) => {
      outcomes.set(key, resolve);
      void pump();
    });
  }

  watch([options.presence.online, options.presence.awake], () => wake(), { flush: 'sync' });
  onScopeDispose(() => {
    disposed = true;
    wake();
  });

  return {
    pending,
    /** Commands the server has not answered: lost if the page were closed now. */
    unsent: computed(() => pending.value.filter(({ state }) => state !== 'saved').length),
    send,
    retryNow: () => wake(),
    /** The stream brought an event: the command that caused it is over, even if its answer never came. */
    settle(event: LedgerEvent) {
      if (event.commandId === '')
        return;
      conclude(event.commandId, { kind: 'accepted', version: event.version });
      drop(({ key }) => key !== event.commandId);
    },
    /** A state of this version is shown, so everything saved up to it is in it. */
    settleUpTo(version: number) {
      drop((one) => one.version === null || one.version > version);
    },
    /** The versions that the server gave mean nothing any more. */
    forgetSaved() {
      drop((one) => one.version === null);
    },
  };
}

export type Commands = ReturnType<typeof useCommands>;
