/** Names and counts from files, made fit for one-line messages. */

/** A name in quotes, control characters escaped, cut after 100 characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}...` : name);
}

/** The first five of a list and how many more there are. */
export function firstOf(items: readonly string[], most = 5): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}
