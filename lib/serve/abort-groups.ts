/** What waits on signals, with one listener a signal: Node warns of a leak from the eleventh on. */

/**
 * @example
 * const groups = new AbortGroups<Call>((signal, calls) => calls.forEach((call) => call.reject(signal.reason)));
 * groups.add(signal, call);
 * groups.remove(signal, call); // once it is answered: what no longer waits keeps no listener
 */
export class AbortGroups<Member> {
  readonly #groups = new Map<AbortSignal, { members: Set<Member>; listener: () => void }>();
  readonly #onAbort: (signal: AbortSignal, members: ReadonlySet<Member>) => void;

  /** @param onAbort called once a signal that fires, with the members that it still has, in the order they came. */
  constructor(onAbort: (signal: AbortSignal, members: ReadonlySet<Member>) => void) {
    this.#onAbort = onAbort;
  }

  /** Adds a member to those of a signal, which has not fired yet. */
  add(signal: AbortSignal, member: Member): void {
    const group = this.#groups.get(signal);
    if (group !== undefined) {
      group.members.add(member);
      return;
    }
    const members = new Set([member]);
    const listener = () => {
      this.#groups.delete(signal);
      this.#onAbort(signal, members);
    };
    this.#groups.set(signal, { members, listener });
    signal.addEventListener('abort', listener, { once: true });
  }

  /** Takes a member from a signal's, where it still is, and with the last of them the listener. */
  remove(signal: AbortSignal, member: Member): void {
    const group = this.#groups.get(signal);
    if (group === undefined) return;
    group.members.delete(member);
    if (group.members.size > 0) return;
    this.#groups.delete(signal);
    signal.removeEventListener('abort', group.listener);
  }
}
