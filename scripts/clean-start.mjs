// Starts the harness of the benchmarks with an empty environment: what NODE_OPTIONS, NODE_EXTRA_CA_CERTS or MALLOC_*
// ask for has happened before a program could unset them. What was there it is handed in one variable; what it keeps of
// that, and what is for npm alone, is up to bench/environment.ts.
import { spawn } from 'node:child_process';

/** `args`: a script and its arguments, for this Node. Gives the child, which has this process's input and output. */
export function startClean(args) {
  return spawn(process.execPath, args, {
    stdio: 'inherit',
    env: { BENCH_ENVIRONMENT: JSON.stringify(process.env) },
  });
}
