import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '../api';
import { HttpError } from '../http';
import { inScope, presence } from '../testing/fakes';
import { useSession } from './useSession';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(0);

function sessionOf(first: Session | HttpError) {
  let answer: Session | HttpError = first;
  const ask = vi.fn(() => (answer instanceof HttpError ? Promise.reject(answer) : Promise.resolve(answer)));
  const at = presence();
  const session = inScope(() => useSession({ ask, presence: at, random: () => 1 }));
  return { session, ask, at, says: (next: Session | HttpError) => void (answer = next) };
}

const facts = ({ session }: ReturnType<typeof sessionOf>) => [
  session.actor.value, session.writable.value, session.guest.value,
];

describe('the session', () => {
  it('offers nothing before the server has told', () => {
    expect(facts(sessionOf({ actor: null, writable: true }))).toEqual([null, false, false]);
  });

  it.each([
    [{ actor: null, writable: true }, [null, true, false]],
    [{ actor: 'anna', writable: true }, ['anna', true, false]],
    [{ actor: null, writable: false }, [null, false, true]],
    [{ actor: 'anna', writable: false }, ['anna', false, false]],
  ])('is what the server says: %o', async (told, expected) => {
    const one = sessionOf(told);
    await one.session.refresh();
    expect(facts(one)).toEqual(expected);
  });

  it('is asked for again when the server is away, and offers everything where it does not tell', async () => {
    const one = sessionOf(new HttpError('away', 503));
    await one.session.refresh();
    expect(facts(one)).toEqual([null, false, false]);
    one.says({ actor: 'anna', writable: true });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(facts(one)).toEqual(['anna', true, false]);

    const older = sessionOf(new HttpError('no such path', 404));
    await older.session.refresh();
    expect(facts(older)).toEqual([null, true, false]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(older.ask).toHaveBeenCalledTimes(1);
  });

  it('keeps what is known while the server is away', async () => {
    const one = sessionOf({ actor: 'anna', writable: true });
    await one.session.refresh();
    one.says(new HttpError('away', null));
    await one.session.refresh();
    expect(facts(one)).toEqual(['anna', true, false]);
  });

  it('is another one after signing in elsewhere, seen on coming back', async () => {
    const one = sessionOf({ actor: null, writable: false });
    await one.session.refresh();
    one.says({ actor: 'anna', writable: true });
    one.at.awake.value = false;
    await settle();
    expect(one.ask).toHaveBeenCalledTimes(1);
    one.at.awake.value = true;
    await settle();
    expect(facts(one)).toEqual(['anna', true, false]);
  });

  it('believes the last answer that was asked for, not the last to arrive', async () => {
    const answers: ((told: Session) => void)[] = [];
    const session = inScope(() => useSession({
      ask: () => new Promise((resolve) => void answers.push(resolve)), presence: presence(),
    }));
    void session.refresh();
    void session.refresh();
    answers[1]!({ actor: 'anna', writable: true });
    answers[0]!({ actor: null, writable: false });
    await settle();
    expect(session.actor.value).toBe('anna');
  });
});
