/** One job after another, in the order in which they were asked for; one that fails keeps none from its turn. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#last.then(job);
    this.#last = done.catch(() => {}); // whoever asked gets the error
    return done;
  }
}
