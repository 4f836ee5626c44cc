/** comlink's types lie beside another build of its adapter; this gives them to the ES one. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  const nodeEndpoint: (
    port: import('node:worker_threads').MessagePort | import('node:worker_threads').Worker,
  ) => import('comlink').Endpoint;

  export { nodeEndpoint as default };
}
