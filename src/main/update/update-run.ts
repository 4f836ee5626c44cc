/**
 * One update from the step that its journal says to its end: writes each step down, has it taken, and decides with pure
 * functions where to go on after a failure. A hand-over is overseen from where the helper takes it over.
 */
import type { PackageManifest, UpdatePhase, UpdateRequest } from '../../shared/contracts/update.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { bootClockMs } from '../../shared/platform/clock.ts';
import { obtainDeps, presentFacts } from './admission.ts';
import { type AgentUpdateDeps, takeAgentStep } from './agent-update.ts';
import type { Backups } from './backups.ts';
import { type DaemonUpdateDeps, takeDaemonStep } from './daemon-update.ts';
import { agentFailure, daemonFailure, interrupted } from './failure.ts';
import { nameOf } from './handover/judge.ts';
import { handoverFiles } from './handover-files.ts';
import type { JournalFile } from './journal.ts';
import type { DaemonJournal, Journal, PresentFacts } from './journal-format.ts';
import { fetchPackage, verifyFetched } from './obtain.ts';
import { oversee } from './oversee.ts';
import { ownName } from './own-name.ts';
import { startHelper } from './start-helper.ts';
import { AGENT_STEPS, DAEMON_STEPS, isDecided, isHelpers } from './steps.ts';
import type { UpdaterOptions } from './updater.ts';

/** What a package is fetched and verified by. */
export interface Asked {
  request: UpdateRequest;
  manifest: PackageManifest | null;
}

export interface UpdateRunDeps {
  options: UpdaterOptions;
  backups: Backups;
  /** Aborted when the daemon ends: the update is left where it is, and the next start goes on. */
  signal: AbortSignal;
  agentsUnderWay(): boolean;
  /** `percent` of the step, where that can be told. */
  onStep(journal: Journal, percent: number | null): void;
}

export class UpdateRun {
  readonly #deps: UpdateRunDeps;

  constructor(deps: UpdateRunDeps) {
    this.#deps = deps;
  }

  /** What an earlier daemon left: gone on with, undone, or only noted. */
  resume(journal: Journal, file: JournalFile): Promise<Journal> {
    const { log } = this.#deps.options;
    log.warn(
      { event: 'update-resumed', updateId: journal.id, step: journal.step },
      `an update was left at ${journal.step}`,
    );
    if (journal.kind === 'agent') {
      const undone = AGENT_STEPS[journal.step].resume;
      return this.run(undone === 'go-on' || undone === 'finish' ? journal : interrupted(journal), file, null);
    }
    const fetching = !isDecided(journal) && !isHelpers(journal);
    return this.run(
      fetching ? daemonFailure(journal, new DaemonError('D4003', 'the daemon ended before it was over')) : journal,
      file,
      null,
    );
  }

  async run(begun: Journal, file: JournalFile, asked: Asked | null): Promise<Journal> {
    let journal = begun;
    while (!isOver(journal)) {
      if (journal.kind === 'daemon' && !isDaemonsOwn(journal)) return this.#oversee(file);
      this.#signalled();
      this.#deps.onStep(journal, null);
      const deps = this.#stepDeps(journal, asked);
      try {
        await this.#write(journal, file);
        journal =
          journal.kind === 'agent'
            ? await takeAgentStep(journal, deps)
            : await takeDaemonStep(journal, this.#daemonDeps(deps, file));
      } catch (error) {
        this.#signalled();
        journal = journal.kind === 'agent' ? agentFailure(journal, error) : daemonFailure(journal, error);
        const { failure, id } = journal;
        this.#deps.options.log.error(
          { event: 'update-failed', updateId: id, code: failure?.code, err: error },
          failure?.error,
        );
      }
    }
    await this.#write(journal, file);
    return journal;
  }

  /**
   * A step that cannot be journalled is not taken, but for the way back and the end: what the file says then leads to
   * the same end, and going back must not wait for a full disk.
   */
  async #write(journal: Journal, file: JournalFile): Promise<void> {
    try {
      await file.write(journal);
    } catch (err) {
      if (phaseOf(journal) !== 'rolling-back' && !isOver(journal)) throw err;
      this.#deps.options.log.warn(
        { event: 'update-journal', updateId: journal.id, step: journal.step, err },
        'a step could not be journalled',
      );
    }
  }

  /** Rejects once the daemon ends. */
  #signalled(): void {
    this.#deps.signal.throwIfAborted();
  }

  #stepDeps(journal: Journal, asked: Asked | null): AgentUpdateDeps {
    const { agents, tasks, clock, config } = this.#deps.options;
    const { signal } = this.#deps;
    const deps = obtainDeps(this.#deps.options);
    const onProgress = ({ done, total }: { done: number; total: number | null }): void =>
      this.#deps.onStep(journal, total ? Math.min(100, Math.floor((100 * done) / total)) : null);
    const options = { signal, onProgress };
    const path = journal.package;
    const obtain = asked && {
      fetch: () => fetchPackage(asked.request, asked.manifest, path, deps, options),
      verify: () => verifyFetched(path, asked.request, asked.manifest, deps, options),
    };
    const backups = this.#deps.backups;
    return { agents, tasks, clock, signal, backups, obtain, update: config().update, wait: (ms) => this.wait(ms) };
  }

  #daemonDeps(deps: AgentUpdateDeps, journalFile: JournalFile): DaemonUpdateDeps {
    const { configFile, bundles, folder, environment } = this.#deps.options;
    const start = { bundles, folder, environment };
    const present = (): PresentFacts => presentFacts(this.#deps.options);
    const { agentsUnderWay } = this.#deps;
    return { ...deps, configFile, present, agentsUnderWay, files: handoverFiles(folder), journalFile, start };
  }

  /** From the helper's first step to its last. */
  #oversee(journalFile: JournalFile): Promise<Journal> {
    const { folder, bundles, environment, version, agents, link } = this.#deps.options;
    return oversee({
      journalFile,
      files: handoverFiles(folder),
      version,
      report: () => ({
        process: ownName(),
        version,
        link: link(),
        agents: agents.list().map(({ id }) => ({ id, process: agents.find(id)?.process ?? null })),
      }),
      startHelper: (journal) => startHelper(journal, { bundles, folder, environment }),
      wait: (ms) => this.wait(ms),
      nowMs: bootClockMs,
      onStep: (journal) => this.#deps.onStep(journal, null),
    });
  }

  wait(delayMs: number): Promise<void> {
    const { signal } = this.#deps;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.#deps.options.after(delayMs, 'update', () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }
}

export function phaseOf(journal: Journal): UpdatePhase {
  return journal.kind === 'agent' ? AGENT_STEPS[journal.step].phase : DAEMON_STEPS[journal.step].phase;
}

function isOver(journal: Journal): boolean {
  return journal.kind === 'agent' ? AGENT_STEPS[journal.step].resume === 'finish' : isDecided(journal);
}

/** Whether the daemon takes the step, and not the helper. A hand-over found at the start is overseen from there on. */
function isDaemonsOwn(journal: DaemonJournal): boolean {
  const { step, helper, daemon } = journal;
  if (step === 'handing-over') return helper === null && nameOf(daemon) === nameOf(ownName());
  return !isDecided(journal) && !isHelpers(journal);
}
