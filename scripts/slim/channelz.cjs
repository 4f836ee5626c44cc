// grpc-js reports on its channels and sockets here. The daemon switches that off (grpc.enable_channelz), and what is
// left to do then is to give each its number.
class Nothing {
  addTrace() {}
  addCallStarted() {}
  addCallSucceeded() {}
  addCallFailed() {}
  refChild() {}
  unrefChild() {}
  getChildLists() {
    return { channels: [], subchannels: [], sockets: [] };
  }
}

let last = 0;
const register = (kind) => (name) => ({ kind, id: ++last, name });

module.exports = {
  ChannelzTrace: Nothing,
  ChannelzTraceStub: Nothing,
  ChannelzCallTracker: Nothing,
  ChannelzCallTrackerStub: Nothing,
  ChannelzChildrenTracker: Nothing,
  ChannelzChildrenTrackerStub: Nothing,
  registerChannelzChannel: register('channel'),
  registerChannelzSubchannel: register('subchannel'),
  registerChannelzServer: register('server'),
  registerChannelzSocket: register('socket'),
  unregisterChannelzRef() {},
};
