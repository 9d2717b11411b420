/** Reads `struct tcp_info`, the state and the counters of a TCP connection. Fields that the kernel did not write are left out. */
import { endianness } from 'node:os';

/**
 * The state and the counters of a TCP connection: `struct tcp_info` of <linux/tcp.h>, with the fields' names without `tcpi_`. Times are in
 * microseconds, except for `lastDataSent`, `lastAckSent`, `lastDataRecv`, `lastAckRecv` and `totalRtoTime`, which are in milliseconds.
 * Rates are in bytes per second. Fields that an older kernel does not fill are missing.
 */
export interface TcpInfo {
  /** TCP_ESTABLISHED is 1, TCP_CLOSE 7, TCP_LISTEN 10 (<linux/tcp_states.h>). */
  state: number;
  caState: number;
  retransmits: number;
  probes: number;
  backoff: number;
  options: number;
  sndWscale: number;
  rcvWscale: number;
  deliveryRateAppLimited: boolean;
  fastopenClientFail: number;
  rto: number;
  ato: number;
  sndMss: number;
  rcvMss: number;
  unacked: number;
  sacked: number;
  lost: number;
  retrans: number;
  fackets: number;
  lastDataSent: number;
  lastAckSent: number;
  lastDataRecv: number;
  lastAckRecv: number;
  pmtu: number;
  rcvSsthresh: number;
  rtt: number;
  rttvar: number;
  sndSsthresh: number;
  sndCwnd: number;
  advmss: number;
  reordering: number;
  rcvRtt: number;
  rcvSpace: number;
  totalRetrans: number;
  pacingRate?: bigint | undefined;
  maxPacingRate?: bigint | undefined;
  bytesAcked?: bigint | undefined;
  bytesReceived?: bigint | undefined;
  segsOut?: number | undefined;
  segsIn?: number | undefined;
  notsentBytes?: number | undefined;
  minRtt?: number | undefined;
  dataSegsIn?: number | undefined;
  dataSegsOut?: number | undefined;
  deliveryRate?: bigint | undefined;
  busyTime?: bigint | undefined;
  rwndLimited?: bigint | undefined;
  sndbufLimited?: bigint | undefined;
  delivered?: number | undefined;
  deliveredCe?: number | undefined;
  bytesSent?: bigint | undefined;
  bytesRetrans?: bigint | undefined;
  dsackDups?: number | undefined;
  reordSeen?: number | undefined;
  rcvOoopack?: number | undefined;
  sndWnd?: number | undefined;
  rcvWnd?: number | undefined;
  rehash?: number | undefined;
  totalRto?: number | undefined;
  totalRtoRecoveries?: number | undefined;
  totalRtoTime?: number | undefined;
}

// The fields in the order of the structure. Each lies at a multiple of its size.

/** The first fields, of 1 byte each. Two bytes of bit fields follow them. */
const FIRST_BYTES: readonly (keyof TcpInfo)[] = [
  'state',
  'caState',
  'retransmits',
  'probes',
  'backoff',
  'options',
];
/** Fields of 4 bytes each. */
const FIRST_WORDS: readonly (keyof TcpInfo)[] = [
  'rto',
  'ato',
  'sndMss',
  'rcvMss',
  'unacked',
  'sacked',
  'lost',
  'retrans',
  'fackets',
  'lastDataSent',
  'lastAckSent',
  'lastDataRecv',
  'lastAckRecv',
  'pmtu',
  'rcvSsthresh',
  'rtt',
  'rttvar',
  'sndSsthresh',
  'sndCwnd',
  'advmss',
  'reordering',
  'rcvRtt',
  'rcvSpace',
  'totalRetrans',
];
/** Fields since Linux 3.15, with their sizes in bytes. */
const LATER: readonly (readonly [name: keyof TcpInfo, size: number])[] = [
  ['pacingRate', 8],
  ['maxPacingRate', 8],
  ['bytesAcked', 8],
  ['bytesReceived', 8],
  ['segsOut', 4],
  ['segsIn', 4],
  ['notsentBytes', 4],
  ['minRtt', 4],
  ['dataSegsIn', 4],
  ['dataSegsOut', 4],
  ['deliveryRate', 8],
  ['busyTime', 8],
  ['rwndLimited', 8],
  ['sndbufLimited', 8],
  ['delivered', 4],
  ['deliveredCe', 4],
  ['bytesSent', 8],
  ['bytesRetrans', 8],
  ['dsackDups', 4],
  ['reordSeen', 4],
  ['rcvOoopack', 4],
  ['sndWnd', 4],
  ['rcvWnd', 4],
  ['rehash', 4],
  ['totalRto', 2],
  ['totalRtoRecoveries', 2],
  ['totalRtoTime', 4],
];

const isLittle = endianness() === 'LE';

/** Reads the fields from the bytes that the kernel wrote. */
export function tcpInfoOf(bytes: Uint8Array): TcpInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (at: number, size: number): number | bigint | undefined => {
    if (at + size > bytes.length) return undefined;
    if (size === 8) return view.getBigUint64(at, isLittle);
    if (size === 4) return view.getUint32(at, isLittle);
    return size === 2 ? view.getUint16(at, isLittle) : view.getUint8(at);
  };
  const info: Record<string, number | bigint | boolean> = {};
  let at = 0;
  const take = (name: string, size: number): void => {
    const value = read(at, size);
    if (value !== undefined) info[name] = value;
    at += size;
  };
  for (const name of FIRST_BYTES) take(name, 1);
  // Bit fields begin at the lowest bit of a byte on little-endian machines and at the highest on others.
  const [scales = 0, flags = 0] = [bytes[at], bytes[at + 1]];
  const [low, high] = [scales & 15, scales >> 4];
  info['sndWscale'] = isLittle ? low : high;
  info['rcvWscale'] = isLittle ? high : low;
  info['deliveryRateAppLimited'] = (isLittle ? flags & 1 : flags >> 7) === 1;
  info['fastopenClientFail'] = isLittle ? (flags >> 1) & 3 : (flags >> 5) & 3;
  at += 2;
  for (const name of FIRST_WORDS) take(name, 4);
  for (const [name, size] of LATER) take(name, size);
  return info as unknown as TcpInfo;
}
