// dist/: one CommonJS bundle a thread or process, minified, source maps beside it. The source text of a bundle
// stays on the heap for as long as it runs, so what a bundle never needs is kept out of it here.
//   node scripts/build.mjs [--out FOLDER] [--version VERSION]
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAddon } from './addon.mjs';
import { packagesIn } from './release/bundled.mjs';
import { install, ROOT } from './setup.mjs';
import { slimModules } from './slim/modules.mjs';

install();
const { build } = await import('esbuild');
const { buildStatusPage } = await import('./status-page.mjs');

const { values } = parseArgs({ options: { out: { type: 'string' }, version: { type: 'string' } } });
const version = values.version ?? JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
const OUT = resolve(values.out ?? join(ROOT, 'dist'));

const ENTRIES = {
  daemon: 'src/main/bin.ts',
  config: 'src/shared/config/load.ts',
  collect: 'src/workers/collect/index.ts',
  'other-systems': 'src/workers/collect/other-systems.ts',
  pool: 'src/workers/pool/index.ts',
  'update-tasks': 'src/workers/update/index.ts',
  update: 'src/main/update/updater.ts',
  status: 'src/main/status/status-bundle.ts',
  handover: 'src/main/update/handover/bin.ts',
  'on-demand': 'src/main/on-demand.ts',
  daemonctl: 'src/ctl/bin.ts',
  // the library looks for its thread's code beside its own, under exactly this name
  piscina: 'node_modules/piscina/dist/main.js',
  worker: 'node_modules/piscina/dist/worker.js',
  manager: 'src/manager/bin.ts',
  demo: 'src/demo/bin.ts',
  'sample-agent': 'src/demo/sample-agent.ts',
  bench: 'bench/bin.ts',
  stress: 'bench/stress-load.ts',
  measure: 'bench/measure.ts',
  'timed-collect': 'bench/inside/timed-collect.ts',
};

/** Modules imported with `import()` that live in a bundle of their own, loaded when they are needed, if ever. */
const SPLIT = {
  'shared/config/load.ts': './config.js',
  'other-systems.ts': './other-systems.js',
  piscina: './piscina.js',
  '/updater.ts': './update.js',
  '/on-demand.ts': './on-demand.js',
  '/status-bundle.ts': './status.js',
};
/** Native and optional. The first is asked for only where threads are to be niced, which ours are not. */
const EXTERNAL = ['@napi-rs/nice', 'koffi'];

const splitLazyModules = {
  name: 'split-lazy-modules',
  setup(b) {
    b.onResolve({ filter: /\.ts$|^piscina$/ }, (args) => {
      if (args.kind !== 'dynamic-import') return null;
      const found = Object.entries(SPLIT).find(([suffix]) => args.path.endsWith(suffix));
      return found ? { path: found[1], external: true } : null;
    });
  },
};

/** Parts of the libraries that no path of ours reaches: parsing .proto files, thread transports for logs. */
const UNUSED = /^(@grpc\/proto-loader|thread-stream)$/;
const leaveOutUnused = {
  name: 'leave-out-unused',
  setup(b) {
    b.onResolve({ filter: UNUSED }, (args) => ({ path: args.path, namespace: 'unused' }));
    b.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {}', loader: 'js' }));
  },
};

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
writeFileSync(join(OUT, 'package.json'), '{"type":"commonjs"}\n');
/** Bundle → the packages that it holds a part of, for the licences and the bill of materials of a release. */
const bundled = {};
for (const [name, entry] of Object.entries(ENTRIES)) {
  const { metafile } = await build({
    metafile: true,
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: join(OUT, `${name}.js`),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    minify: true,
    keepNames: false,
    sourcemap: 'external',
    legalComments: 'none',
    // import() becomes require(), so that a bundle that has done its work can be let go again
    supported: { 'dynamic-import': false },
    define: {
      __VERSION__: JSON.stringify(version),
      ...(name === 'status' ? { __STATUS_PAGE__: JSON.stringify(await buildStatusPage()) } : {}),
    },
    external: EXTERNAL,
    plugins: [splitLazyModules, leaveOutUnused, ...(name === 'daemon' ? [slimModules] : [])],
    logLevel: 'warning',
  });
  bundled[name] = packagesIn(metafile);
}
writeFileSync(join(OUT, 'bundled.json'), `${JSON.stringify(bundled, null, 2)}\n`);
// without it the daemon is larger, and otherwise the same
const problem = buildAddon(OUT);
if (problem) process.stderr.write(`give-back.node is not built: ${problem}\n`);
