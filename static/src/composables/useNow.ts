/*
 * The time of day for relative times, moving on every half minute.
 */
import { onScopeDispose, ref } from 'vue';

const TICK_MS = 30_000;

export function useNow() {
  const now = ref(Date.now());
  const timer = setInterval(() => {
    now.value = Date.now();
  }, TICK_MS);
  onScopeDispose(() => clearInterval(timer));
  return now;
}
