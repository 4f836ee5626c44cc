// The daemon opens tunnels through proxies itself (src/shared/platform/proxy-tunnel.ts) and switches grpc-js's own off.
module.exports = {
  mapProxyName: (target) => ({ target, extraOptions: {} }),
  getProxiedConnection: async () => null,
};
