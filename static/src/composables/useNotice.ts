/*
 * One short message at the foot of the page, with at most one thing to do about it.  A newer one replaces it.
 */
import { onScopeDispose, shallowRef } from 'vue';

const SHOWN_MS = 10_000;

export interface Notice {
  readonly text: string;
  readonly tone: 'plain' | 'problem';
  /** The version of the event that the action takes back. */
  readonly undoes?: number;
  readonly action?: { readonly label: string; readonly run: () => void };
}

export function useNotice() {
  const notice = shallowRef<Notice | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Nobody loses the message while reading or reaching for it. */
  function hold() {
    clearTimeout(timer);
  }

  function release() {
    clearTimeout(timer);
    timer = setTimeout(dismiss, SHOWN_MS);
  }

  function dismiss() {
    clearTimeout(timer);
    notice.value = null;
  }

  function show(shown: Notice) {
    notice.value = shown;
    release();
  }

  onScopeDispose(hold);
  return { notice, show, dismiss, hold, release };
}
