/*
 * Events and commands as sentences.
 */
import type { EventBody, LedgerEvent } from '../api';

/** The most of an item's content that a sentence quotes, in code points; cards have the whole in the list. */
const QUOTED = 80;

/** The content in one line between quotation marks. */
export function quote(content: string): string {
  const points = Array.from(content.slice(0, QUOTED * 2 + 2).replace(/\s+/g, ' '));
  const cut = points.length > QUOTED || content.length > QUOTED * 2 + 2;
  return `“${points.slice(0, QUOTED).join('').trimEnd()}${cut ? '…' : ''}”`;
}

/** A sentence in two parts: what happened, and the thing it happened to (set apart on the card). */
export interface Sentence {
  readonly verb: string;
  readonly object: string;
}

/** `find` gives the event that was rewound, where it is known. */
export function sentenceOf(body: EventBody, find: (version: number) => LedgerEvent | undefined): Sentence {
  switch (body.type) {
  case 'item-appended':
    return { verb: 'Added', object: quote(body.content) };
  case 'item-removed':
    return { verb: 'Removed', object: quote(body.content) };
  case 'rewound': {
    const target = find(body.target);
    if (target === undefined)
      return { verb: 'Rewound', object: `to before ${body.target}` };
    if (target.body.type === 'rewound')
      return { verb: 'Took back', object: `rewind ${body.target}` };
    return { verb: 'Rewound', object: `to before ${body.target}: ${sayPart(target.body, find)}` };
  }
  case 'other':
    return { verb: 'Recorded', object: body.name };
  }
}

function sayPart(body: EventBody, find: (version: number) => LedgerEvent | undefined): string {
  const { verb, object } = sentenceOf(body, find);
  return `${verb} ${object}`;
}

/** The whole sentence as one text. */
export function say(event: LedgerEvent, find: (version: number) => LedgerEvent | undefined = () => undefined): string {
  return sayPart(event.body, find);
}

/** "1 item", "1,204 items". */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
