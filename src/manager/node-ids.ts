/** The ids that the Manager gives to hosts which register without one: the same hostname has the same id again. */
export class NodeIds {
  readonly #byHostname = new Map<string, string>();

  of(hostname: string): string {
    const known = this.#byHostname.get(hostname);
    if (known) return known;
    const id = `node-${this.#byHostname.size + 1}`;
    this.#byHostname.set(hostname, id);
    return id;
  }
}
