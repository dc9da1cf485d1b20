import { describe, expect, it } from 'vitest';
import { frameUrl, heard } from './jitsi';

const SCOPE = 'jitsi_meet_external_api_0';

describe('frameUrl', () => {
  it('has the token raw in the query and the options as JSON in the fragment', () => {
    const url = frameUrl({
      token: 'a.b.c',
      meetingUrl: 'https://meet.example.org/call-1#jwt=a.b.c',
      config: {
        configOverwrite: { startAudioOnly: true },
        interfaceConfigOverwrite: { DEFAULT_REMOTE_DISPLAY_NAME: 'Participant' },
        userInfo: { name: 'Jane & Co', email: '' },
      },
    });
    expect(url).toBe(
      'https://meet.example.org/call-1?jwt=a.b.c#jitsi_meet_external_api_id=0' +
        '&config.startAudioOnly=true' +
        '&interfaceConfig.DEFAULT_REMOTE_DISPLAY_NAME=%22Participant%22' +
        '&userInfo.displayName=%22Jane%20%26%20Co%22',
    );
  });

  it('has no token where there is none', () => {
    const url = frameUrl({ token: null, meetingUrl: 'https://meet.example.org/call-1' });
    expect(url).toBe('https://meet.example.org/call-1#jitsi_meet_external_api_id=0');
  });
});

describe('heard', () => {
  const says = (method: string, params: unknown, scope = SCOPE) =>
    heard(JSON.stringify({ postis: true, scope, method, params }));
  const event = (name: string, scope?: string) =>
    says('message', { type: 'event', data: { name } }, scope);

  it('repeats the greeting', () => {
    const { answer } = says('__ready__', 0.4711);
    expect(JSON.parse(answer!)).toEqual({
      postis: true,
      scope: SCOPE,
      method: '__ready__',
      params: 0.4711,
    });
  });

  it('knows when the call was left there', () => {
    expect(event('video-conference-left').over).toBe(true);
    expect(event('video-ready-to-close').over).toBe(true);
    expect(event('video-conference-joined').over).toBe(false);
    expect(event('video-conference-left', 'another').over).toBe(false);
  });

  it('does not mind what is no message', () => {
    for (const data of [undefined, {}, 'null', '[', '{"postis":true}', '42']) {
      expect(heard(data)).toEqual({ over: false });
    }
  });
});
