/*
 * The event stream of one ledger: keeps a connection while the page is awake and online, and says how it stands.
 *
 * The browser reconnects by itself (with Last-Event-ID) when a connection breaks; what it does not do is come back
 * from a refusal, notice a connection that went silent, or tell why it was refused.  That is done here.  What
 * frames mean is the owner's business, who also says when the page is up to date: `live()`.
 */
import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { decodeHead, decodeStreamedEvent, type Head, type StreamedEvent } from '../api';
import { backoffMs } from '../model/backoff';
import { HttpError } from '../http';
import type { Presence } from './usePresence';

/** More than two heartbeats of the server, which come every 15 s. */
export const SILENCE_MS = 40_000;
/** Frames of one burst are handed over together: one rendering instead of hundreds. */
const GATHER_MS = 16;
/** A connection that is back before this was never seen to be gone. */
export const UNNOTICED_MS = 1_000;

export type Frame =
  | { readonly kind: 'event'; readonly streamed: StreamedEvent }
  | { readonly kind: 'head'; readonly head: Head }
  | { readonly kind: 'reset'; readonly head: Head };

export type Connection = 'connecting' | 'live' | 'reconnecting' | 'offline' | 'signed-out';

/** The part of EventSource that is used. */
export interface Source {
  readonly readyState: number;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

const CLOSED = 2;

export interface StreamOptions {
  /** The address to open, with the version reached so far. */
  readonly address: () => string;
  readonly presence: Presence;
  readonly onFrames: (frames: readonly Frame[]) => void;
  /** A plain request to the same server, made when the stream was refused: its failure tells why. */
  readonly probe: () => Promise<unknown>;
  readonly connect?: (address: string) => Source;
  readonly random?: () => number;
}

export function useStream(options: StreamOptions) {
  const { presence, random = Math.random } = options;
  const connect = options.connect ?? ((address: string): Source => new EventSource(address));
  const started = shallowRef(false);
  const signedOut = shallowRef(false);
  const state: Ref<'connecting' | 'live' | 'reconnecting'> = shallowRef('connecting');
  const wanted = computed(() => started.value && presence.awake.value && presence.online.value && !signedOut.value);

  let source: Source | null = null;
  let gathered: Frame[] = [];
  let gatherTimer: ReturnType<typeof setTimeout> | undefined;
  let silenceTimer: ReturnType<typeof setTimeout> | undefined;
  let reopenTimer: ReturnType<typeof setTimeout> | undefined;
  let unnoticedTimer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let flowing = false;

  function close() {
    flowing = false;
    source?.close();
    source = null;
    clearTimeout(silenceTimer);
    clearTimeout(reopenTimer);
    clearTimeout(gatherTimer);
    gatherTimer = undefined;
    gathered = [];
  }

  function lost() {
    flowing = false;
    if (state.value !== 'live' || unnoticedTimer !== undefined)
      return;
    unnoticedTimer = setTimeout(() => {
      unnoticedTimer = undefined;
      state.value = 'reconnecting';
    }, UNNOTICED_MS);
  }

  function heard() {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(() => {
      lost();
      open();
    }, SILENCE_MS);
  }

  function handOver() {
    gatherTimer = undefined;
    const frames = gathered;
    gathered = [];
    options.onFrames(frames);
  }

  function listen<T>(from: Source, type: string, decode: (value: unknown) => T, wrap: (value: T) => Frame) {
    from.addEventListener(type, (message) => {
      if (from !== source)
        return;
      heard();
      try {
        gathered.push(wrap(decode(JSON.parse(message.data))));
      } catch {
        /* Not ours to guess at: start again, from the last version that made sense. */
        reopen();
        return;
      }
      gatherTimer ??= setTimeout(handOver, GATHER_MS);
    });
  }

  function open() {
    close();
    if (!wanted.value)
      return;
    const opened = connect(options.address());
    source = opened;
    heard();
    listen(opened, 'message', decodeStreamedEvent, (streamed) => ({ kind: 'event', streamed }));
    listen(opened, 'head', decodeHead, (head) => ({ kind: 'head', head }));
    listen(opened, 'reset', decodeHead, (head) => ({ kind: 'reset', head }));
    opened.onerror = () => {
      if (opened !== source)
        return;
      lost();
      if (opened.readyState === CLOSED)
        void refused();
    };
  }

  /** A closed EventSource does not say why: a plain request does. */
  async function refused() {
    close();
    reopen();
    try {
      await options.probe();
    } catch (error) {
      if (error instanceof HttpError && error.signedOut)
        signedOut.value = true;
    }
  }

  /** Opens anew after a while. */
  function reopen() {
    close();
    lost();
    if (wanted.value)
      reopenTimer = setTimeout(open, backoffMs(failures++, 0, random));
  }

  /* While the page is hidden nobody reads the state, so coming back within a second shows no change at all. */
  watch(wanted, (is) => {
    if (is) {
      lost();
      open();
    } else {
      close();
    }
  }, { flush: 'sync' });
  watch(presence.online, (is) => {
    if (!is && state.value === 'live')
      state.value = 'reconnecting';
  }, { flush: 'sync' });
  /* Whoever comes back to a signed-out page may have signed in elsewhere. */
  watch(presence.awake, () => {
    signedOut.value = false;
  }, { flush: 'sync' });
  onScopeDispose(() => {
    close();
    clearTimeout(unnoticedTimer);
  });

  const connection = computed<Connection>(() => {
    if (!presence.online.value)
      return 'offline';
    return signedOut.value ? 'signed-out' : state.value;
  });

  return {
    connection,
    start: () => {
      started.value = true;
    },
    /** The page has everything up to the head the server named. */
    live: () => {
      failures = 0;
      flowing = true;
      clearTimeout(unnoticedTimer);
      unnoticedTimer = undefined;
      state.value = 'live';
    },
    /** Whether events arrive by it now; unlike `connection`, it does not hide a short interruption. */
    flowing: () => flowing,
    reopen,
  };
}
