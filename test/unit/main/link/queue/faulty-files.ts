/**
 * The real file system with faults: operations that fail by choice, writes that come to a half, and a power cut that
 * takes from each file what was not synced. Syncs are kept account of, not made, so that many runs are quick.
 */
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { type QueueFiles, type QueueHandle, systemFiles } from '../../../../../src/main/link/queue/surroundings.ts';

export type Kind = 'open' | 'stat' | 'mkdir' | 'readdir' | 'rename' | 'unlink' | 'read' | 'write' | 'sync' | 'truncate';

export interface Operation {
  kind: Kind;
  path: string;
  /** Of `open`. */
  flags: string;
}

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: as the test would have it`), { code });
}

const WRITING: readonly Kind[] = ['mkdir', 'rename', 'unlink', 'write', 'sync', 'truncate'];
export const isWriting = ({ kind, flags }: Operation): boolean => WRITING.includes(kind) || /[wa+]/.test(flags);

export class FaultyFiles implements QueueFiles {
  /** Every operation that was asked for. */
  readonly operations: Operation[] = [];
  /** What an operation fails by; null: it goes on. */
  fault: (operation: Operation) => Error | null = () => null;
  /** A write that fails leaves the first half of its bytes. */
  tears = false;
  readonly #handles = new Set<FileHandle>();
  /** Content as it was synced last, of files that were written since. */
  readonly #synced = new Map<string, Buffer>();

  get handles(): number {
    return this.#handles.size;
  }

  /** As the end of its process would. */
  async closeAll(): Promise<void> {
    for (const handle of this.#handles) await handle.close();
    this.#handles.clear();
  }

  /** The first `count` operations go on and then nothing does. */
  stopAfter(count: number): void {
    const end = this.operations.length + count;
    this.fault = () => (this.operations.length > end ? systemError('EIO') : null);
  }

  /** Of each file, what was not synced is there, not there, or there in part. */
  async powerCut(random: () => number): Promise<void> {
    this.fault = () => systemError('EIO');
    for (const [path, old] of this.#synced) {
      const now = await readFile(path).catch(() => null);
      if (!now) continue;
      const torn = Buffer.from(now);
      const [from, to] = [
        now.findIndex((byte, at) => byte !== old[at]),
        now.findLastIndex((byte, at) => byte !== old[at]),
      ];
      const at = from + Math.floor(random() * (to - from + 1));
      if (from < 0) continue;
      torn.fill(0, at);
      old.copy(torn, at, at);
      const choice = random();
      await writeFile(path, choice < 0.4 ? old : choice < 0.7 ? torn : now);
    }
  }

  #ask(kind: Kind, path: string, flags = ''): void {
    const operation = { kind, path, flags };
    this.operations.push(operation);
    const fault = this.fault(operation);
    if (fault) throw fault;
  }

  async open(path: string, flags: string, mode?: number): Promise<QueueHandle> {
    this.#ask('open', path, flags);
    const handle = await open(path, flags, mode);
    this.#handles.add(handle);
    const ask = (kind: Kind): void => this.#ask(kind, path);
    const change = async (): Promise<void> => {
      if (!this.#synced.has(path)) this.#synced.set(path, await readFile(path).catch(() => Buffer.alloc(0)));
    };
    if (/w/.test(flags)) await change();
    const writev: QueueHandle['writev'] = async (parts, position) => {
      await change();
      try {
        ask('write');
      } catch (error) {
        const whole = Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
        if (this.tears) await handle.write(whole, 0, whole.length >> 1, position);
        throw error;
      }
      return handle.writev(parts, position);
    };
    const sync = async (): Promise<void> => {
      ask('sync');
      this.#synced.delete(path);
    };
    const wrapped: Pick<QueueHandle, 'writev' | 'datasync' | 'sync' | 'truncate' | 'close'> = {
      writev,
      datasync: sync,
      sync,
      truncate: async (length) => {
        await change();
        ask('truncate');
        return handle.truncate(length);
      },
      close: async () => {
        this.#handles.delete(handle);
        return handle.close();
      },
    };
    return new Proxy(handle, {
      get: (target, name) => {
        if (name in wrapped) return Reflect.get(wrapped, name);
        const own = Reflect.get(target, name);
        if (name !== 'read' && name !== 'write') return own;
        return async (...rest: unknown[]) => {
          if (name === 'write') await change();
          ask(name);
          return Reflect.apply(own, target, rest);
        };
      },
    });
  }

  async stat(path: string): Promise<{ size: number }> {
    this.#ask('stat', path);
    return systemFiles.stat(path);
  }

  async mkdir(path: string, options: { recursive: true; mode: number }): Promise<unknown> {
    this.#ask('mkdir', path);
    return systemFiles.mkdir(path, options);
  }

  async readdir(path: string): Promise<string[]> {
    this.#ask('readdir', path);
    return systemFiles.readdir(path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#ask('rename', from);
    this.#synced.delete(from);
    return systemFiles.rename(from, to);
  }

  async unlink(path: string): Promise<void> {
    this.#ask('unlink', path);
    this.#synced.delete(path);
    return systemFiles.unlink(path);
  }
}
