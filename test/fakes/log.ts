/** Keeps what is logged, so that a test can look for events. */
export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  event?: string;
  message?: string | undefined;
  [field: string]: unknown;
}

export class FakeLog {
  readonly lines: LogLine[] = [];
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  events(event: string): LogLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  #at(level: LogLine['level']): (fields: object, message?: string) => void {
    return (fields, message) => {
      this.lines.push({ ...fields, level, message });
    };
  }
}
