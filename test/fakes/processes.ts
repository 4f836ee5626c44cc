/** A process table of the test's own: processes live until the test ends them, pids can be reused. */
import type { ProcessIdentity } from '../../src/main/agents/instance-state.ts';
import type { Exit, Launched, LaunchSpec, Processes } from '../../src/main/agents/launcher.ts';
import type { MarkedProcess } from '../../src/main/agents/marked-process.ts';
import type { ProcessStat } from '../../src/shared/platform/proc.ts';

/** Of a process that runs as the daemon does. */
export const OWN_USER: MarkedProcess['user'] = { isOwn: true, names: ['0', 'root'] };

interface FakeProcess {
  identity: ProcessIdentity;
  spec: LaunchSpec | null;
  /** A child that an agent left behind, by the agent's id. */
  childOf: string | null;
  end: (exit: Exit) => void;
}

export class FakeProcesses implements Processes {
  readonly bootId: string;
  readonly launched: LaunchSpec[] = [];
  readonly signals: { pid: number; signal: NodeJS.Signals }[] = [];
  /** Warnings that launch() gives. */
  warnings: string[] = [];
  scans = 0;
  /** What launch() throws next. */
  failure: Error | null = null;
  readonly killedGroups: string[] = [];
  /** What outOfMemory() says. */
  memoryKills = false;
  /** What it was asked: agent and owner. */
  readonly askedForKills: [string, string][] = [];
  looksForKills = 0;
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
    return Promise.resolve({ ...this.put(spec), warnings: this.warnings });
  }

  /** A process that is there already; with `pid`, under that pid and a new start time. */
  put(spec: LaunchSpec | null = null, pid = this.#nextPid++): Launched {
    const identity = { pid, startTicks: this.#ticks++, bootId: this.bootId };
    let end: (exit: Exit) => void = () => {};
    const exited = new Promise<Exit>((resolve) => {
      end = resolve;
    });
    this.#table.set(pid, { identity, spec, childOf: null, end });
    return { identity, exited, warnings: [] };
  }

  /** A process of an agent's that is not the agent itself. */
  putChild(agentId: string): ProcessIdentity {
    const { identity } = this.put();
    const child = this.#table.get(identity.pid);
    if (child) child.childOf = agentId;
    return identity;
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
    return this.signal(identity, signal);
  }

  signal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    if (!this.find(identity)) return false;
    this.signals.push({ pid: identity.pid, signal });
    if ((signal === 'SIGTERM' || signal === 'SIGKILL') && !this.ignored.has(signal)) {
      this.end(identity.pid, { code: null, signal });
    }
    return true;
  }

  scan(owner: string): Promise<Map<string, MarkedProcess[]>> {
    this.scans++;
    const found = new Map<string, MarkedProcess[]>();
    for (const { identity, spec, childOf } of this.#table.values()) {
      const id = childOf ?? (spec?.owner === owner ? spec.agentId : null);
      if (id === null) continue;
      const command = spec ? [spec.program, ...spec.args] : ['child'];
      found.set(id, [...(found.get(id) ?? []), { identity, leadsSession: spec !== null, command, user: OWN_USER }]);
    }
    return Promise.resolve(found);
  }

  unheldLimits(): Promise<string> {
    return Promise.resolve('');
  }

  killGroup(agentId: string): void {
    this.killedGroups.push(agentId);
  }

  lookForKills(): void {
    this.looksForKills++;
  }

  outOfMemory(agentId: string, owner: string): boolean {
    this.askedForKills.push([agentId, owner]);
    return this.memoryKills;
  }

  startedAtMs(): number {
    return 1_690_000_000_000;
  }
}
