/**
 * The daemon's control socket, `work_dir/control.sock`: one JSON object a line each way. A request names its verb; its
 * answer has `result`, or `error`. Root and the daemon's group may connect: whoever does is somebody on this host.
 */
import type { UpdateComponent, UpdateRequest, UpdateStatus } from './update.ts';

export const CONTROL_SOCKET = 'control.sock';

export interface ShownBackup {
  /** Its file name, to be named in a rollback. */
  name: string;
  version: string;
  createdMs: number;
  good: boolean;
}

interface Target {
  component: UpdateComponent;
  agentId: string;
}

interface Begun {
  id: string;
  state: 'begun' | 'under-way' | 'done';
  message: string;
}

export interface ControlVerbs {
  update: { input: Omit<UpdateRequest, 'origin'>; output: Begun };
  updateStatus: { input: Record<string, never>; output: UpdateStatus };
  /** What was rolled back has been seen. */
  updateAcknowledge: { input: Record<string, never>; output: Record<string, never> };
  backups: { input: Target; output: ShownBackup[] };
  /** `backup`: its file name; empty for the newest of another version. */
  rollback: { input: Target & { backup: string }; output: Begun };
}

export type ControlVerb = keyof ControlVerbs;

export interface ControlError {
  code: string;
  message: string;
}

export type ControlAnswer<V extends ControlVerb> = { result: ControlVerbs[V]['output'] } | { error: ControlError };

/** What a server does for each verb. */
export type ControlHandlers = {
  [V in ControlVerb]: (input: ControlVerbs[V]['input']) => Promise<ControlVerbs[V]['output']>;
};
