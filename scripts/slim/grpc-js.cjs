// What the daemon uses of @grpc/grpc-js, in place of its index, which loads all that the library has: other load
// balancers, health by ORCA, channelz. build.mjs puts it into the daemon's bundle only.
const { CallCredentials } = require('@grpc/grpc-js/build/src/call-credentials');
const { ChannelCredentials } = require('@grpc/grpc-js/build/src/channel-credentials');
const { Client } = require('@grpc/grpc-js/build/src/client');
const { ConnectivityState } = require('@grpc/grpc-js/build/src/connectivity-state');
const { Status } = require('@grpc/grpc-js/build/src/constants');
const pickFirst = require('@grpc/grpc-js/build/src/load-balancer-pick-first');
const { makeClientConstructor } = require('@grpc/grpc-js/build/src/make-client');
const { Metadata } = require('@grpc/grpc-js/build/src/metadata');
const dns = require('@grpc/grpc-js/build/src/resolver-dns');
const { Server } = require('@grpc/grpc-js/build/src/server');
const { ServerCredentials } = require('@grpc/grpc-js/build/src/server-credentials');
const { ServerInterceptingCall } = require('@grpc/grpc-js/build/src/server-interceptors');

dns.setup(); // names and addresses both: it knows an address when it sees one
pickFirst.setup();

module.exports = {
  CallCredentials,
  ChannelCredentials,
  Client,
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  connectivityState: ConnectivityState,
  makeGenericClientConstructor: makeClientConstructor,
  status: Status,
};
