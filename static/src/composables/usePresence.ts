/*
 * Whether this page is being looked at, and whether the browser thinks it has a network.
 *
 * A hidden page gives up its event stream: browsers allow six connections to an origin on HTTP/1.1, and a page
 * with an open stream cannot be kept for the back button.
 */
import { onScopeDispose, ref, type Ref } from 'vue';

export interface Presence {
  readonly awake: Ref<boolean>;
  readonly online: Ref<boolean>;
}

export function usePresence(): Presence {
  const awake = ref(document.visibilityState !== 'hidden');
  const online = ref(navigator.onLine);
  const listeners = new AbortController();
  const { signal } = listeners;

  document.addEventListener('visibilitychange', () => {
    awake.value = document.visibilityState !== 'hidden';
  }, { signal });
  window.addEventListener('pagehide', () => {
    awake.value = false;
  }, { signal });
  window.addEventListener('pageshow', () => {
    awake.value = document.visibilityState !== 'hidden';
  }, { signal });
  window.addEventListener('online', () => {
    online.value = true;
  }, { signal });
  window.addEventListener('offline', () => {
    online.value = false;
  }, { signal });
  onScopeDispose(() => listeners.abort());

  return { awake, online };
}
