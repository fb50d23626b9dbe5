// The results of a case as a table.

import { median } from './machine.mjs';

/** Three digits that mean something, thousands apart. */
export function short(number) {
  if (!Number.isFinite(number)) return '-';
  const size = Math.abs(number);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return number.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Half of the distance between the smallest and the largest, as a part of the median. */
export const spread = (numbers) => (Math.max(...numbers) - Math.min(...numbers)) / 2 / Math.abs(median(numbers));

export const unitOf = (row, result) => row.unit ?? result.unit;

/** All series of a case, in the order in which they first appear. */
export const seriesOf = (rows) => [...new Set(rows.flatMap((row) => Object.keys(row.values)))];

const isMet = ({ value, want }) => (want.atLeast === undefined || value >= want.atLeast)
  && (want.atMost === undefined || value <= want.atMost);

/** The ratios that are not what is wanted. */
export const falls = (result) => (result.ratios ?? []).filter((ratio) => ratio.want && !isMet(ratio));

const cell = (numbers) => {
  if (!numbers || numbers.length === 0) return '';
  return numbers.length === 1 ? short(numbers[0]) : `${short(median(numbers))} ±${Math.round(spread(numbers) * 100)}%`;
};

function lay(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => `  ${line.map((word, column) => (column === 0
    ? word.padEnd(widths[0]) : word.padStart(widths[column]))).join('  ')}`.trimEnd());
}

/** Median and spread of every row and series, a table for each unit, then the ratios beside what is wanted. */
export function table(result, colours = false) {
  const rows = result.rows ?? [];
  const lines = [];

  for (const unit of new Set(rows.map((row) => unitOf(row, result)))) {
    const some = rows.filter((row) => unitOf(row, result) === unit);
    const series = seriesOf(some);
    lines.push(...lay([[unit, ...series], ...some.map((row) => [row.label, ...series.map((name) => cell(row.values[name]))])]),
      '');
  }
  const said = (result.ratios ?? []).map((ratio) => {
    const want = !ratio.want ? '' : ratio.want.atLeast !== undefined ? `>= ${ratio.want.atLeast}` : `<= ${ratio.want.atMost}`;
    return [ratio.label, short(ratio.value), want, !ratio.want ? '' : isMet(ratio) ? 'reached' : 'short of'];
  });
  if (said.length > 0) lines.push(...lay([['figure', 'measured', 'wanted', ''], ...said]));
  for (const note of result.notes ?? []) lines.push(`  ${note}`);
  return lines.map((line) => (colours && line.endsWith('short of') ? `\x1b[1m${line}\x1b[0m` : line)).join('\n');
}
