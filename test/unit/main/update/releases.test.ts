import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  beginTrial,
  currentRelease,
  endTrial,
  installationOf,
  launcherOf,
  releaseFolder,
  switchTo,
  versionOfRelease,
} from '../../../../src/main/update/releases.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

let root: string;

beforeEach(async () => {
  root = join(await testFolder(), 'opt');
  for (const version of ['1.0.0', '1.1.0']) {
    mkdirSync(join(root, 'releases', version, 'lib'), { recursive: true });
    writeFileSync(join(root, 'releases', version, 'VERSION'), `${version}\n`);
  }
});

describe('where a daemon is installed', () => {
  test('is found through links', async () => {
    symlinkSync('releases/1.0.0', join(root, 'current'));
    expect(await installationOf(join(root, 'current/lib'))).toEqual({ root, release: '1.0.0' });
  });

  test('is nowhere outside of a releases folder', async () => {
    mkdirSync(join(root, 'dist'));
    expect(await installationOf(join(root, 'dist'))).toBeNull();
  });

  test('has its launcher and its folder below the root', () => {
    expect(releaseFolder('/opt/d', '1.0.0')).toBe('/opt/d/releases/1.0.0');
    expect(launcherOf('/opt/d', '1.0.0')).toBe('/opt/d/releases/1.0.0/bin/daemon');
  });
});

describe('the link', () => {
  test('names the release, and none where there is none', async () => {
    expect(await currentRelease(root)).toBeNull();
    await switchTo(root, '1.0.0');
    expect(await currentRelease(root)).toBe('1.0.0');
    expect(readlinkSync(join(root, 'current'))).toBe('releases/1.0.0');
    await switchTo(root, '1.0.0'); // safe to repeat
    expect(readdirSync(root).sort()).toEqual(['current', 'releases']);
  });

  test('is none where a folder is in its place, which is not replaced', async () => {
    mkdirSync(join(root, 'current'));
    expect(await currentRelease(root)).toBeNull();
    await expect(switchTo(root, '1.0.0')).rejects.toMatchObject({ code: 'D4003' });
    expect(await currentRelease(root)).toBeNull();
  });

  test('throws what else is wrong', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(currentRelease(join(root, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  test('goes on where another switch was cut short', async () => {
    symlinkSync('releases/none', join(root, '.current.new'));
    await switchTo(root, '1.1.0');
    expect(readdirSync(root).sort()).toEqual(['current', 'releases']);
  });

  test('names exactly one release at any moment, for whoever looks all the time', async () => {
    await switchTo(root, '1.0.0');
    const reader = new Worker(
      `const { readFileSync } = require('node:fs');
       const { parentPort, workerData } = require('node:worker_threads');
       let over = false;
       parentPort.on('message', () => { over = true; });
       const seen = new Map();
       const look = () => {
         for (let i = 0; i < 200; i++) {
           let text;
           try { text = readFileSync(workerData + '/current/VERSION', 'utf8').trim(); } catch (error) { text = error.code; }
           seen.set(text, (seen.get(text) ?? 0) + 1);
         }
         if (over) parentPort.postMessage([...seen]), parentPort.close();
         else { if (seen.size > 0) parentPort.postMessage('looking'); setImmediate(look); }
       };
       look();`,
      { eval: true, workerData: root },
    );
    try {
      let looks = 0;
      let seen: [string, number][] | null = null;
      reader.on('message', (message: 'looking' | [string, number][]) => {
        if (message === 'looking') looks++;
        else seen = message;
      });
      await waitFor(() => looks > 0, { what: 'the first look' });
      for (let i = 0; i < 200; i++) await switchTo(root, i % 2 ? '1.0.0' : '1.1.0');
      reader.postMessage('over');
      const all = await waitFor(() => seen, { what: 'what was seen' });
      expect((all as [string, number][]).map(([text]) => text).sort()).toEqual(['1.0.0', '1.1.0']);
    } finally {
      await reader.terminate();
    }
  });
});

describe('a trial', () => {
  test('says how many starts are left, of which version, and which comes after', async () => {
    await beginTrial(root, '1.1.0', '1.0.0', '/w/u p');
    expect(readFileSync(join(root, 'trial'), 'utf8')).toBe('10 1.1.0 1.0.0 /w/u p\n');
    await beginTrial(root, '1.1.0', '1.0.0', '/w/u p'); // safe to repeat
    await endTrial(root);
    await endTrial(root);
    expect(existsSync(join(root, 'trial'))).toBe(false);
  });
});

describe('what a release says of itself', () => {
  test('is its version', async () => {
    expect(await versionOfRelease(releaseFolder(root, '1.1.0'))).toBe('1.1.0');
  });

  test('is D4002 where it says nothing', async () => {
    await expect(versionOfRelease(join(root, 'releases'))).rejects.toMatchObject({
      code: 'D4002',
      message: expect.stringContaining('(check: archive)'),
    });
  });
});
