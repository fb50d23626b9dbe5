/*
 * Renders only the rows of a long list that can be seen.  Rows have any height: each is measured when it is
 * rendered, the others are guessed.  What is being read stays where it is when rows above it come, go or turn
 * out taller than guessed.
 */
import { computed, nextTick, onScopeDispose, ref, shallowRef, watch, type ObjectDirective, type Ref } from 'vue';

/** Rows rendered beyond each edge, so that scrolling and tabbing find them there. */
const MARGIN_ROWS = 8;

export interface VirtualOptions {
  readonly scroller: Ref<HTMLElement | null>;
  readonly keys: Ref<readonly string[]>;
  /** The height of a row not measured yet, in px. */
  readonly guess: number;
}

/** The offsets of all rows: n + 1 numbers, the last one is the height of the whole. */
export function offsetsOf(keys: readonly string[], heights: ReadonlyMap<string, number>, guess: number): Float64Array {
  const offsets = new Float64Array(keys.length + 1);
  for (let row = 0; row < keys.length; row++)
    offsets[row + 1] = offsets[row]! + (heights.get(keys[row]!) ?? guess);
  return offsets;
}

/** The row that covers this offset, the nearest where it lies outside. */
export function rowAt(offsets: Float64Array, offset: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (offsets[middle]! <= offset)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

export function useVirtualList({ scroller, keys, guess }: VirtualOptions) {
  const heights = new Map<string, number>();
  /** Counts the measurements: heights itself is not reactive. */
  const measured = ref(0);
  const scrollTop = ref(0);
  const viewport = ref(0);
  const offsets = computed(() => {
    void measured.value;
    return offsetsOf(keys.value, heights, guess);
  });
  const range = computed(() => {
    const count = keys.value.length;
    const first = Math.max(0, rowAt(offsets.value, scrollTop.value) - MARGIN_ROWS);
    const last = Math.min(count, rowAt(offsets.value, scrollTop.value + viewport.value) + 1 + MARGIN_ROWS);
    return { first, last };
  });
  const before = computed(() => offsets.value[range.value.first] ?? 0);
  const after = computed(() => {
    const all = offsets.value;
    return all[all.length - 1]! - (all[range.value.last] ?? 0);
  });

  /** What is being read: the row at the top edge, and how far it is scrolled past it. */
  const anchor = shallowRef<{ key: string; past: number } | null>(null);

  function look() {
    const element = scroller.value;
    if (element === null)
      return;
    scrollTop.value = element.scrollTop;
    viewport.value = element.clientHeight;
    const row = rowAt(offsets.value, element.scrollTop);
    const key = keys.value[row];
    anchor.value = key === undefined || element.scrollTop <= 0
      ? null
      : { key, past: element.scrollTop - offsets.value[row]! };
  }

  /** Puts the row that is being read back to where it was. */
  async function keep() {
    const kept = anchor.value;
    await nextTick();
    const element = scroller.value;
    if (element === null)
      return;
    const row = kept === null ? -1 : keys.value.indexOf(kept.key);
    if (kept !== null && row >= 0) {
      const wanted = offsets.value[row]! + kept.past;
      if (Math.abs(wanted - element.scrollTop) >= 1)
        element.scrollTop = wanted;
    }
    look();
  }

  const rowsSeen = new ResizeObserver((entries) => {
    let changed = false;
    for (const { target, borderBoxSize } of entries) {
      const key = (target as HTMLElement).dataset['key'];
      const height = borderBoxSize[0]?.blockSize ?? 0;
      /* A list that is not displayed has no heights to learn. */
      if (key === undefined || height === 0 || heights.get(key) === height)
        continue;
      heights.set(key, height);
      changed = true;
    }
    if (changed) {
      measured.value++;
      void keep();
    }
  });
  const viewportSeen = new ResizeObserver(look);

  watch(scroller, (element, previous) => {
    if (previous) {
      viewportSeen.unobserve(previous);
      previous.removeEventListener('scroll', look);
    }
    if (element) {
      viewportSeen.observe(element);
      element.addEventListener('scroll', look, { passive: true });
      look();
    }
  }, { flush: 'post', immediate: true });
  watch(keys, () => void keep(), { flush: 'pre' });
  onScopeDispose(() => {
    rowsSeen.disconnect();
    viewportSeen.disconnect();
  });

  /** For each rendered row, which carries its key in data-key. */
  const vMeasure: ObjectDirective<HTMLElement> = {
    mounted: (element) => rowsSeen.observe(element),
    unmounted: (element) => rowsSeen.unobserve(element),
  };

  return {
    range, before, after, vMeasure,
    /** A list that is not displayed is nowhere. */
    atTop: computed(() => viewport.value > 0 && scrollTop.value < 8),
    scrollTo(row: number, block: 'start' | 'end' | 'middle' = 'start') {
      const element = scroller.value;
      if (element === null)
        return;
      const top = offsets.value[row] ?? 0;
      const height = (offsets.value[row + 1] ?? top) - top;
      const gap = element.clientHeight - height;
      element.scrollTop = block === 'start' ? top : block === 'end' ? top - gap : top - gap / 2;
      look();
    },
  };
}
