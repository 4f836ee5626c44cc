/**
 * Making elements. Everything that is shown goes in as text: nothing on this page is ever read as HTML, whatever an
 * agent calls itself.
 */
type Attributes = Readonly<Record<string, string>>;

const SVG = 'http://www.w3.org/2000/svg';

export function element(tag: string, attributes: Attributes, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function drawing(tag: string, attributes: Attributes, ...children: Node[]): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** What somebody else wrote: kept apart, so that its direction of writing turns nothing around it. */
export function quoted(text: string): HTMLElement {
  return element('bdi', {}, text);
}

/** A time of this host, in the reader's own zone. */
export function moment(atMs: number): HTMLElement {
  const date = new Date(atMs);
  const known = Number.isFinite(date.getTime());
  return element('time', known ? { datetime: date.toISOString() } : {}, known ? date.toLocaleString() : '–');
}

/** A row of a table: its cells say their column again where the table becomes a list, on narrow screens. */
export function row(columns: readonly string[], cells: readonly (Node | string)[]): HTMLElement {
  const made = cells.map((cell, index) => {
    const attributes = { 'data-column': columns[index] ?? '' };
    return index === 0
      ? element('th', { ...attributes, scope: 'row', role: 'rowheader' }, cell)
      : element('td', { ...attributes, role: 'cell' }, cell);
  });
  return element('tr', { role: 'row' }, ...made);
}

/** By its id in the page. */
export function place(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}
