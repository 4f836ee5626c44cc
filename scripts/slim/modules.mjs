// What takes the place of which module of a library in the daemon's bundle. A bundle's source text stays on the heap
// for as long as it runs, and so does what its modules make when they load.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const GRPC = '@grpc/grpc-js/build/src';

/** End of the module's path → file beside this one. `refused` throws when it is used. */
const SUBSTITUTES = {
  [`${GRPC}/index.js`]: 'grpc-js.cjs',
  [`${GRPC}/channelz.js`]: 'channelz.cjs',
  [`${GRPC}/http_proxy.js`]: 'http-proxy.cjs',
  [`${GRPC}/orca.js`]: 'orca.cjs',
  [`${GRPC}/service-config.js`]: 'refused.cjs',
  [`${GRPC}/single-subchannel-channel.js`]: 'refused.cjs',
  'pino/lib/transport.js': 'refused.cjs',
  'pino/lib/multistream.js': 'refused.cjs',
};

/** The build fails where a substitute's module is not there any more: a new version of the library, most likely. */
export const slimModules = {
  name: 'slim-modules',
  setup(build) {
    const unused = new Set(Object.keys(SUBSTITUTES));
    build.onLoad({ filter: /node_modules/ }, ({ path }) => {
      const found = Object.keys(SUBSTITUTES).find((end) => path.endsWith(`/node_modules/${end}`));
      if (!found) return null;
      unused.delete(found);
      const contents = readFileSync(join(HERE, SUBSTITUTES[found]), 'utf8');
      return { contents, loader: 'js', resolveDir: dirname(path) };
    });
    build.onEnd(() => ({
      errors: [...unused].map((end) => ({ text: `${end} is not loaded: scripts/slim has a substitute for nothing` })),
    }));
  },
};
