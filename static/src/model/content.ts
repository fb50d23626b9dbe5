/*
 * What the server accepts as the content of an item, checked before it is sent.
 */

/** The server's limit, in code points. */
export const CONTENT_MAX = 10_000;

/** C0 but tab and newline, DEL, C1. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u;

export function codePoints(content: string): number {
  let points = 0;
  for (const _ of content)
    points++;
  return points;
}

/** The content as it will be stored: trimmed, with line ends as the server knows them. */
export function tidy(typed: string): string {
  return typed.replace(/\r\n?/g, '\n').trim();
}

/** Why the server would refuse this content, or null.  Empty content has no reason: there is nothing to send. */
export function refusalOf(content: string): string | null {
  const points = codePoints(content);
  if (points > CONTENT_MAX) {
    const [is, most] = [points, CONTENT_MAX].map((count) => count.toLocaleString('en'));
    return `That is ${is} characters; an item holds at most ${most}.`;
  }
  if (CONTROL.test(content))
    return 'That text holds invisible control characters; please type it anew.';
  return null;
}
