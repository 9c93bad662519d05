/** Text and data put into a page so that nothing in them can act as markup. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for an element's content or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** JSON for a script element: `</script>` and `<!--` cannot occur in it. */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

export interface Cell {
  text: string;
  /** Right-aligned figures. */
  number?: boolean;
  /** A share in [0, 1], drawn as a bar behind the text. */
  bar?: number;
}

/** A table with a head; cells are escaped. */
export function htmlTable(head: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const cell = (tag: 'th' | 'td', { text, number, bar }: Cell): string => {
    const classes = [number === true ? 'number' : '', bar === undefined ? '' : 'bar']
      .filter((name) => name !== '')
      .join(' ');
    const style = bar === undefined ? '' : ` style="--share:${(Math.min(1, Math.max(0, bar)) * 100).toFixed(1)}%"`;
    return `<${tag}${classes === '' ? '' : ` class="${classes}"`}${style}>${escapeHtml(text)}</${tag}>`;
  };
  const row = (tag: 'th' | 'td', cells: readonly Cell[]): string =>
    `<tr>${cells.map((each) => cell(tag, each)).join('')}</tr>`;
  return `<div class="scroll"><table><thead>${row('th', head)}</thead><tbody>${rows.map((cells) => row('td', cells)).join('\n')}</tbody></table></div>`;
}
