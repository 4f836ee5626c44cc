/** A problem in a configuration file, with its place. */
export interface Diagnostic {
  severity: 'error' | 'warning';
  /** D1001: cannot be read or parsed; D1002: invalid. */
  code: 'D1001' | 'D1002';
  message: string;
  file: string;
  /** Dotted key path such as `agents[0].restart.policy`; empty for the file as a whole. */
  keyPath: string;
  /** From 1; 0 where the problem has no place in the text. */
  line: number;
  column: number;
  /** The line's text, for the code frame. */
  source: string;
  /** What to do, such as the nearest known key; empty where there is nothing to say. */
  hint: string;
}
