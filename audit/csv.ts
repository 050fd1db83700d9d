/**
 * One CSV line, every field quoted. A field that a spreadsheet would take for a formula gets an apostrophe in front.
 *
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function formatCsvLine(fields: readonly (string | number | null)[]): string {
  return `${fields.map((field) => quote(field === null ? '' : String(field))).join(',')}\r\n`;
}

function quote(text: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
