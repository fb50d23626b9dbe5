// Many clients in one process, each of which asks again as soon as it was answered.

import { quantile } from '../machine.mjs';

/**
 * Seconds in which so many connections are made, and each prepares what it runs.  Where that happens while a lock is
 * held, they do it one after the other.
 */
export const warmUp = (clients) => clients * 0.06;

/**
 * Calls append() for some seconds from so many clients at once, once they are warm, and prints what wrk's script
 * prints.  A refusal that `again` accepts (another client was first) is tried once more, and its time counts.
 */
export async function drive(append, clients, seconds, again = () => false) {
  const times = [];
  const started = performance.now() + warmUp(clients) * 1000;
  const end = started + seconds * 1000;
  let count = 0;
  let repeated = 0;

  async function client() {
    while (performance.now() < end) {
      const before = performance.now();
      const content = `milk and honey ${++count}`;
      for (let done = false; !done;) {
        try {
          await append(content);
          done = true;
        } catch (error) {
          if (!again(error)) throw error;
          repeated++;
        }
      }
      const after = performance.now();
      if (after >= started && after < end) times.push(after - before);
    }
  }

  await Promise.all(Array.from({ length: clients }, client));
  console.log(JSON.stringify({
    answers: times.length,
    rate: times.length / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    errors: 0,
    repeated,
  }));
}
