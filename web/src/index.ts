/** The public interface of the client library, and nothing else. */

export { Call, type CallEvents, type CallOptions } from './call/Call';
export {
  type CallState,
  everybody,
  isOver,
  isSpeaking,
  mayEnd,
  mayMuteOthers,
  type Phase,
  slotShowing,
  trackOf,
} from './call/state';
export { CallError, type ErrorReason } from './errors';
export { consoleLogger, type Logger, silentLogger } from './logger';
export type {
  CallInfo,
  EndReason,
  ParticipantInfo,
  Role,
  SlotAssignment,
  Speaker,
  Strain,
  TrackInfo,
  TrackSource,
  UserInfo,
} from './protocol/messages';
export type { VideoCodec } from './rtc/codecs';
export {
  canShareScreen,
  type Device,
  type DeviceKind,
  type Devices,
  listDevices,
  watchDevices,
} from './rtc/devices';
export { type LevelMeter, meter } from './rtc/level';
export { LocalMedia } from './rtc/LocalMedia';
export type { TileWish } from './rtc/slots';
export type { ReceivedStats, SentStats, StatsSummary } from './rtc/stats';
