/** What a reader of the link's figures must know. Pure. */
import type { Settings } from '../settings.ts';
import { CALL_KINDS, CALLS_A_DAY } from './link-bytes.ts';
import type { LinkFigures } from './link-figures.ts';

export function linkNotes({ wire: window }: Settings['link'], { drain, wire }: LinkFigures): string[] {
  const { heartbeat, report, states } = CALLS_A_DAY;
  const cost = CALL_KINDS.map((kind) => {
    const { calls, ofCall } = wire.kinds[kind];
    return `${kind} ${ofCall.up} up and ${ofCall.down} down (n ${calls})`;
  });
  const { up, down } = wire.other.inWindow;
  const intervals =
    window.intervalMs === null
      ? 'all intervals as shipped'
      : `SHORTENED for --quick: heartbeats and reports each ${window.intervalMs / 1000} s`;
  const pings = up + down > 0 ? '' : '; in so short a window there was none, so PINGS ARE NOT IN the sum';
  return [
    'Mutual TLS 1.3 on loopback; all but the first two rows through a proxy in this process, which takes time of its own.',
    `The backlog: ${drain.entries} entries of ${drain.bytesOfEntry.toFixed(0)} bytes on disk, real samples of this host, ` +
      `${drain.rounds} round${drain.rounds === 1 ? '' : 's'}, a new daemon each. All came, each once, in order.`,
    drain.heartbeat.drain
      ? 'Heartbeats of the daemon’s own, one a second, from its debug log; a round trip at rest meets a daemon gone cold.'
      : 'NO HEARTBEAT fell into so short a drain: they come once a second. A full run has some.',
    drain.peakIsOfDrain
      ? 'RSS before is that of a daemon that waits for the Manager. The peak is the kernel’s own, set back before the drain.'
      : 'The peak is the kernel’s own SINCE THE START: setting it back (clear_refs) is not allowed here.',
    'Returns with reconnect_interval 100 ms (as shipped 10 s): the wait before the attempt, up to ten times it, is in the first.',
    `Bytes are those of TLS, without TCP and IP, without the handshake: ${intervals}, a window of ` +
      `${(wire.windowMs / 1000).toFixed(0)} s. A call costs the median of its kind, in bytes: ${cost.join(', ')}.`,
    `A day has ${heartbeat} heartbeats, ${report} reports and ${states} times states; the rest (pings: ${up} up, ` +
      `${down} down in the window) goes by the window’s length${pings}.`,
  ];
}
