/** What matters of getStats: is it flowing, how large, how smooth. */

export interface ReceivedStats {
  mid: string;
  kind: string;
  bytes: number;
  packetsLost: number;
  framesDecoded: number;
  width: number;
  height: number;
  framesPerSecond: number;
  freezeCount: number;
  /** Grows while something is heard. */
  audioEnergy: number;
  codec: string;
}

export interface SentStats {
  mid: string;
  kind: string;
  rid: string;
  bytes: number;
  width: number;
  height: number;
  framesPerSecond: number;
  codec: string;
}

export interface StatsSummary {
  path: RTCPeerConnectionState;
  roundTripMs: number;
  /** What the browser thinks it can send, bits per second. */
  availableOutgoing: number;
  srtpCipher: string;
  received: ReceivedStats[];
  sent: SentStats[];
}

/** Members that browsers have or have not; every one is a number or a string. */
type Entry = Record<string, unknown> & { id: string; type: string };

const number = (entry: Entry | undefined, name: string): number => {
  const value = entry?.[name];
  return typeof value === 'number' ? value : 0;
};

const text = (entry: Entry | undefined, name: string): string => {
  const value = entry?.[name];
  return typeof value === 'string' ? value : '';
};

export async function summarize(connection: RTCPeerConnection): Promise<StatsSummary> {
  const report = await connection.getStats();
  const entries: Entry[] = [];
  report.forEach((entry: Entry) => entries.push(entry));
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const codecOf = (entry: Entry) => text(byId.get(text(entry, 'codecId')), 'mimeType');
  const transport = entries.find(({ type }) => type === 'transport');
  const pair = byId.get(text(transport, 'selectedCandidatePairId'));
  return {
    path: connection.connectionState,
    roundTripMs: number(pair, 'currentRoundTripTime') * 1_000,
    availableOutgoing: number(pair, 'availableOutgoingBitrate'),
    srtpCipher: text(transport, 'srtpCipher'),
    received: entries
      .filter(({ type }) => type === 'inbound-rtp')
      .map((entry) => received(entry, codecOf(entry))),
    sent: entries
      .filter(({ type }) => type === 'outbound-rtp')
      .map((entry) => sent(entry, codecOf(entry))),
  };
}

function received(entry: Entry, codec: string): ReceivedStats {
  return {
    mid: text(entry, 'mid'),
    kind: text(entry, 'kind'),
    bytes: number(entry, 'bytesReceived'),
    packetsLost: number(entry, 'packetsLost'),
    framesDecoded: number(entry, 'framesDecoded'),
    width: number(entry, 'frameWidth'),
    height: number(entry, 'frameHeight'),
    framesPerSecond: number(entry, 'framesPerSecond'),
    freezeCount: number(entry, 'freezeCount'),
    audioEnergy: number(entry, 'totalAudioEnergy'),
    codec,
  };
}

function sent(entry: Entry, codec: string): SentStats {
  return {
    mid: text(entry, 'mid'),
    kind: text(entry, 'kind'),
    rid: text(entry, 'rid'),
    bytes: number(entry, 'bytesSent'),
    width: number(entry, 'frameWidth'),
    height: number(entry, 'frameHeight'),
    framesPerSecond: number(entry, 'framesPerSecond'),
    codec,
  };
}
