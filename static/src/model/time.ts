/*
 * Times as people say them: "just now", "5 min ago", then the date.
 */
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const dateWithYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

/** `now` in ms.  A time slightly ahead of this clock is "just now" as well. */
export function relativeTime(recordedAt: string, now: number): string {
  const then = new Date(recordedAt);
  const seconds = Math.floor((now - then.getTime()) / 1000);
  if (seconds < 45)
    return 'just now';
  if (seconds < HOUR)
    return `${Math.max(1, Math.round(seconds / MINUTE))} min ago`;
  if (seconds < 6 * HOUR)
    return `${Math.round(seconds / HOUR)} h ago`;
  if (seconds < DAY && new Date(now).getDate() === then.getDate())
    return `today, ${clock.format(then)}`;
  if (seconds < 300 * DAY)
    return date.format(then);
  return dateWithYear.format(then);
}

export function absoluteTime(recordedAt: string): string {
  return full.format(new Date(recordedAt));
}

export function shortTime(recordedAt: string): string {
  return date.format(new Date(recordedAt));
}
