/** A request that is wrong in itself, or that nothing can be done about now: its code is part of the answer. */
import type { ControlError } from '../../shared/contracts/control.ts';

export class ControlRefusal extends Error {
  override readonly name = 'ControlRefusal';
  readonly code: ControlError['code'];

  constructor(code: 'invalid' | 'no-agent' | 'busy', message: string) {
    super(message);
    this.code = code;
  }
}
