// The results of a case as a plot: a panel for each unit, a bar for the median, a line from the smallest to the largest.

import { median } from './machine.mjs';
import { seriesOf, short, unitOf } from './report.mjs';

const colours = ['#2a6f97', '#e07a3f', '#6a994e', '#8d6a9f', '#c9a227', '#7a7a7a', '#b5485d', '#3aa6a0'];
const width = 860;
const left = 300; // for the labels
const right = 130; // for the figures
const bar = 14;
const gap = 12; // between rows
const farApart = 60; // the largest over the smallest from which on a logarithmic scale is used

const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const write = (x, y, text, more = '') => `<text x="${x}" y="${y}" ${more}>${escape(text)}</text>`;

/** Where a number lies, in pixels from the start of the bars. */
function scale(numbers) {
  const positive = numbers.filter((number) => number > 0);
  const most = Math.max(...positive, Number.MIN_VALUE);
  const least = Math.min(...positive, most);
  const room = width - left - right;

  if (most / least < farApart) return { logarithmic: false, place: (number) => Math.max(0, number / most) * room };
  const first = Math.floor(Math.log10(least));
  return {
    logarithmic: true,
    place: (number) => (number <= 0 ? 0 : ((Math.log10(number) - first) / (Math.log10(most) - first)) * room),
  };
}

function panel(rows, unit, series, top) {
  const parts = [];
  const { logarithmic, place } = scale(rows.flatMap((row) => Object.values(row.values).flat()));
  let y = top;

  parts.push(write(left, y + 12, `${unit}${logarithmic ? ' (logarithmic scale)' : ''}`, 'font-weight="bold"'));
  y += 24;
  for (const row of rows) {
    const there = series.filter((name) => row.values[name]?.length > 0);
    parts.push(write(left - 8, y + (there.length * bar) / 2 + 4, row.label, 'text-anchor="end"'));
    for (const name of there) {
      const numbers = row.values[name];
      const end = left + place(median(numbers));
      const [least, most] = [place(Math.min(...numbers)), place(Math.max(...numbers))].map((x) => left + x);
      parts.push(`<rect x="${left}" y="${y + 1}" width="${Math.max(1, end - left).toFixed(1)}" height="${bar - 2}" `
        + `fill="${colours[series.indexOf(name) % colours.length]}"/>`);
      parts.push(`<path d="M${least.toFixed(1)} ${y + bar / 2}H${most.toFixed(1)}" stroke="#222"/>`);
      parts.push(write(Math.max(end, most) + 6, y + bar - 3, short(median(numbers))));
      y += bar;
    }
    y += gap;
  }
  return { parts, bottom: y + 8 };
}

export function plot(title, result) {
  const rows = result.rows ?? [];
  const series = seriesOf(rows);
  const parts = [write(12, 24, title, 'font-size="15" font-weight="bold"')];
  let y = 44;

  series.forEach((name, index) => {
    parts.push(`<rect x="12" y="${y}" width="12" height="12" fill="${colours[index % colours.length]}"/>`);
    parts.push(write(30, y + 10, name));
    y += 18;
  });
  y += 10;
  for (const unit of new Set(rows.map((row) => unitOf(row, result)))) {
    const drawn = panel(rows.filter((row) => unitOf(row, result) === unit), unit, series, y);
    parts.push(...drawn.parts);
    y = drawn.bottom;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" `
    + `font-family="sans-serif" font-size="12"><title>${escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>\n`
    + `${parts.join('\n')}\n</svg>\n`;
}
