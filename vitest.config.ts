import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));

export default defineConfig({
  define: { __VERSION__: JSON.stringify(version) },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: '100%', // most of the time they wait for processes; by default one processor is left idle
    reporters: ['default'],
    coverage: { provider: 'v8', include: ['src/**'], exclude: ['src/shared/gen/**'] },
  },
});
