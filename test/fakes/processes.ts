/** A process table of the test's own: processes live until the test ends them, pids can be reused. */
import type { ProcessIdentity } from '../../src/main/agents/instance-state.ts';
import type { Exit, Launched, LaunchSpec, Processes } from '../../src/main/agents/launcher.ts';
import type { ProcessStat } from '../../src/shared/platform/proc.ts';

interface FakeProcess {
  identity: ProcessIdentity;
  spec: LaunchSpec | null;
  end: (exit: Exit) => void;
}

export class FakeProcesses implements Processes {
  readonly bootId: string;
  readonly launched: LaunchSpec[] = [];
  readonly signals: { pid: number; signal: NodeJS.Signals }[] = [];
  /** What launch() throws next. */
  failure: Error | null = null;
  /** Signals that a process does not act on. */
  ignored = new Set<NodeJS.Signals>();
  readonly #table = new Map<number, FakeProcess>();
  #nextPid = 1000;
  #ticks = 5000;

  constructor(bootId = 'boot-1') {
    this.bootId = bootId;
  }

  launch(spec: LaunchSpec): Promise<Launched> {
    this.launched.push(spec);
    if (this.failure) return Promise.reject(this.failure);
    return Promise.resolve(this.put(spec));
  }

  /** A process that is there already; with `pid`, under that pid and a new start time. */
  put(spec: LaunchSpec | null = null, pid = this.#nextPid++): Launched {
    const identity = { pid, startTicks: this.#ticks++, bootId: this.bootId };
    let end: (exit: Exit) => void = () => {};
    const exited = new Promise<Exit>((resolve) => {
      end = resolve;
    });
    this.#table.set(pid, { identity, spec, end });
    return { identity, exited };
  }

  /** Ends a process as the kernel would. */
  end(pid: number, exit: Exit): void {
    const found = this.#table.get(pid);
    if (!found) throw new Error(`no process ${pid}`);
    this.#table.delete(pid);
    found.end(exit);
  }

  get running(): number[] {
    return [...this.#table.keys()];
  }

  find({ pid, startTicks, bootId }: ProcessIdentity): ProcessStat | null {
    const found = this.#table.get(pid);
    if (!found || found.identity.startTicks !== startTicks || bootId !== this.bootId) return null;
    return { pid, startTicks, state: 'S', parentPid: 1, groupId: pid, sessionId: pid, cpuTicks: 0, rssPages: 0 };
  }

  signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    if (!this.find(identity)) return false;
    this.signals.push({ pid: identity.pid, signal });
    if ((signal === 'SIGTERM' || signal === 'SIGKILL') && !this.ignored.has(signal)) {
      this.end(identity.pid, { code: null, signal });
    }
    return true;
  }

  scan(owner: string): Map<string, ProcessIdentity> {
    const ours = [...this.#table.values()].filter(({ spec }) => spec?.owner === owner);
    return new Map(ours.map(({ identity, spec }) => [spec?.agentId ?? '', identity]));
  }

  startedAtMs(): number {
    return 1_690_000_000_000;
  }
}
