// A part of a library that the daemon's settings never reach. Reaching it all the same is a fault of ours.
module.exports = new Proxy(
  {},
  {
    get(_, name) {
      if (name === '__esModule') return true;
      throw new Error(`${String(name)} is left out of this bundle (scripts/slim)`);
    },
  },
);
