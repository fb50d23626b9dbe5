/*
 * How long to wait before trying again: full jitter, so that pages which lost the server together do not come
 * back together.
 */
const FIRST_MS = 500;
export const LONGEST_MS = 30_000;

/** The wait before try number `failures + 1`; the server's own floor comes on top of the cap. */
export function backoffMs(failures: number, floorMs = 0, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return floorMs + random() * ceiling;
}
