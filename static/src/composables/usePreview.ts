/*
 * A rewind before it is done: what would go and what would come back, at a version of the ledger.
 *
 * It is sent with that version as its condition.  Where others changed something since, by the stream or by the
 * server's refusal, the preview is made anew, says what happened meanwhile, and asks again.
 */
import { computed, shallowRef, watch } from 'vue';
import type { DiffPage, LedgerEvent } from '../api';
import { effectOfRewind } from '../model/active';
import type { Ledger } from './useLedger';

/** After others changed what is shown, a click meant for what was shown before must not count. */
export const REARM_MS = 600;

export interface Preview {
  readonly target: number;
  readonly phase: 'loading' | 'ready' | 'sending' | 'error';
  readonly diff: DiffPage | null;
  /** The version at which the user first looked; what came after it is told. */
  readonly since: number | null;
  readonly problem: string;
}

type PreviewLedger = Pick<Ledger, 'http' | 'version' | 'history' | 'commands'>;

export function usePreview(ledger: PreviewLedger) {
  const preview = shallowRef<Preview | null>(null);
  let armedAt = 0;
  /** Counts the requests: an answer that is not the last one's is thrown away. */
  let asked = 0;

  async function refresh() {
    const before = preview.value;
    if (before === null)
      return;
    const mine = ++asked;
    if (before.diff !== null)
      armedAt = Date.now() + REARM_MS;
    try {
      const diff = await ledger.http.rewindDiff(before.target);
      if (mine !== asked || preview.value === null)
        return;
      preview.value = { ...before, phase: 'ready', diff, since: before.since ?? diff.from, problem: '' };
      /* The stream was quicker than the answer. */
      if (ledger.version.value > diff.from && diff.from > (before.diff?.from ?? -1))
        void refresh();
    } catch (error) {
      if (mine === asked && preview.value !== null)
        preview.value = { ...before, phase: 'error', problem: error instanceof Error ? error.message : String(error) };
    }
  }

  function open(target: number) {
    preview.value = { target, phase: 'loading', diff: null, since: null, problem: '' };
    armedAt = 0;
    return refresh();
  }

  function cancel() {
    asked++;
    preview.value = null;
  }

  /** Resolves to the version of the rewind, or null where it was not done. */
  async function confirm(): Promise<number | null> {
    const now = preview.value;
    if (now === null || now.phase !== 'ready' || now.diff === null || Date.now() < armedAt)
      return null;

    const sending: Preview = { ...now, phase: 'sending' };
    preview.value = sending;
    const about = ledger.history.find(now.target);
    const outcome = await ledger.commands.send(
      { type: 'rewind', version: now.target },
      about?.body.type === 'item-appended' || about?.body.type === 'item-removed' ? about.body.content : '',
      now.diff.from,
    );
    if (outcome.kind === 'accepted') {
      if (preview.value?.target === now.target)
        cancel();
      return outcome.version;
    }
    if (preview.value !== sending)
      return null;
    if (outcome.error.status === 412) {
      preview.value = { ...now, phase: 'loading' };
      await refresh();
    } else {
      preview.value = { ...now, phase: 'error', problem: outcome.error.message };
    }
    return null;
  }

  /* The list below a preview is the one it was made for, so another version asks for another preview. */
  watch(ledger.version, (version) => {
    const now = preview.value;
    if (now?.phase === 'ready' && now.diff !== null && version > now.diff.from)
      void refresh();
  });

  return {
    preview, open, cancel, confirm, refresh,

    /** What others did since the user began to look, newest first. */
    meanwhile: computed<readonly LedgerEvent[]>(() => {
      const now = preview.value;
      if (now === null || now.since === null || now.diff === null)
        return [];
      const { since, diff } = now;
      return ledger.history.events.value.filter(({ version }) => version > since && version <= diff.from);
    }),

    /** Which loaded cards would stop being active, and which would be so again. */
    effect: computed(() => {
      const now = preview.value;
      return now === null ? null : effectOfRewind(ledger.history.events.value, ledger.history.top.value, now.target);
    }),
  };
}

export type PreviewControl = ReturnType<typeof usePreview>;
