/**
 * A table as CSV: CRLF, quotes doubled, and a quote in front of what a spreadsheet would compute.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4180
 */
export function toCsv(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, unknown>>[],
): string {
  const lines = [columns, ...rows.map((row) => columns.map((column) => cellText(row[column])))];
  return lines.map((cells) => cells.map(quote).join(',')).join('\r\n') + '\r\n';
}

/** A value as one piece of text; objects as JSON. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Numbers stay numbers; any other text that begins like a formula is made text. */
function quote(cell: string): string {
  const formula = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/.test(cell) && !/^[+-]?\d+(\.\d+)?$/.test(cell);
  const safe = formula ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) || formula ? `"${safe.replaceAll('"', '""')}"` : safe;
}
