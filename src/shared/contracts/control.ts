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

/** The daemon's side of the Manager, to be shown. */
export interface LinkView {
  /** `connecting`, `registering`, `connected`, `backing-off`, `closed`. */
  state: string;
  /** Unix milliseconds. */
  sinceMs: number;
  /** Why it is not connected; empty where it is, or was not tried yet. */
  reason: string;
  /** HOST:PORT of the Manager that serves it, or did last. */
  address: string;
  /** Empty while it is not connected. */
  protocol: string;
  nodeId: string;
  /** Of the stream by which the Manager's operations come. */
  stream: string;
  /** What goes unencrypted: `manager`, `server`. */
  plaintext: string[];
  reports: { waiting: number; bytes: number; onDisk: number; deadLetters: number };
  events: number;
  /** Null without TLS. */
  certificate: {
    subject: string;
    /** ISO 8601. */
    notAfter: string;
    daysLeft: number;
    state: string;
    /** Why what is in the files is not in use; empty where it is. */
    candidate: string;
  } | null;
  /** Of the operations that the Manager calls; 0: it does not listen. */
  operationsPort: number;
}

export interface ControlVerbs {
  link: { input: Record<string, never>; output: LinkView };
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
