//! The way to the server: socket, ICE, DTLS and SRTP of one client.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::Arc;

use convoke_media::control::TransportState;
use convoke_media::ids::{SeqNo, Ssrc};
use convoke_media::negotiation::params::TransportParams;
use convoke_media::rtp::ext::ExtensionBlock;
use convoke_media::transport::client::{ClientTransport, IceRole};
use convoke_media::transport::{
    DtlsIdentity, Path, Profile, RTCP_OVERHEAD, RTP_OVERHEAD, SrtpError,
};
use rand::{RngCore, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::clock::{Epoch, Nanos};
use crate::net::{ClientSocket, SendBatch};

/// What the fixed header of an outgoing packet says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) pt: u8,
    pub(crate) seq: SeqNo,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: Ssrc,
}

const FIXED_HEADER: usize = 12;

/// Header extensions of the whole transport that every packet carries, if negotiated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PacketExtensions {
    pub(crate) transport_cc: Option<u8>,
    pub(crate) abs_send_time: Option<u8>,
}

pub(crate) struct Link {
    transport: ClientTransport,
    socket: ClientSocket,
    epoch: Epoch,
    path: Option<Path>,
    /// Transport-wide sequence number of what is sent.
    twcc: u16,
    /// Bytes that SRTP adds, once that is agreed.
    overhead: usize,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Link {
    pub(crate) fn new(
        address: IpAddr,
        identity: Arc<DtlsIdentity>,
        profiles: &[Profile],
        seed: u64,
        epoch: Epoch,
        segments: bool,
    ) -> io::Result<Self> {
        let mut bytes = [0; 32];
        ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
        Ok(Self {
            transport: ClientTransport::new(identity, profiles, bytes),
            socket: ClientSocket::bind(address, segments)?,
            epoch,
            path: None,
            twcc: 0,
            overhead: RTP_OVERHEAD,
        })
    }

    /// For a description of ours.
    pub(crate) const fn transport(&self) -> &ClientTransport {
        &self.transport
    }

    pub(crate) const fn local(&self) -> SocketAddr {
        self.socket.local()
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(crate) fn drops(&self) -> u32 {
        self.socket.drops()
    }

    /// Takes the server's parameters, and begins to check.
    pub(crate) fn connect(
        &mut self,
        remote: TransportParams,
        server: SocketAddr,
        role: IceRole,
    ) -> io::Result<()> {
        self.socket.connect(server)?;
        let path = Path {
            local: self.socket.local(),
            remote: server,
        };
        self.path = Some(path);
        self.transport.set_role(role);
        let now = self.epoch.instant(Nanos::now());
        self.transport.set_remote(now, remote, path);
        Ok(())
    }

    pub(crate) const fn is_connected(&self) -> bool {
        self.transport.is_connected()
    }

    /// Bytes of a protected packet that are not its own.
    pub(crate) const fn overhead(&self) -> usize {
        self.overhead
    }

    pub(crate) fn handle_control(&mut self, now: Nanos, datagram: &[u8]) {
        if let Some(path) = self.path {
            let now = self.epoch.instant(now);
            self.transport.handle_control(now, path, datagram);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Nanos) {
        self.transport.handle_timeout(self.epoch.instant(now));
    }

    pub(crate) fn next_timeout(&self) -> Option<Nanos> {
        self.transport.next_timeout().map(|at| self.epoch.nanos(at))
    }

    /// What the transport wants sent and what it has to tell.
    pub(crate) fn settle(&mut self, batch: &mut SendBatch) -> Option<TransportState> {
        while let Some(datagram) = self.transport.poll_control() {
            batch.push(datagram.bytes.len(), |room| {
                room.copy_from_slice(&datagram.bytes);
                Some(room.len())
            });
        }
        let mut state = None;
        while let Some(event) = self.transport.poll_event() {
            state = Some(event);
        }
        if state == Some(TransportState::Connected) {
            self.overhead = match self.transport.profile() {
                Some(Profile::Aes128CmSha1_80) => 10,
                _ => RTP_OVERHEAD,
            };
        }
        state
    }

    pub(crate) fn close(&mut self, now: Nanos) {
        self.transport.close(self.epoch.instant(now));
    }

    pub(crate) fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.transport.open_rtp(packet)
    }

    pub(crate) fn open_rtcp(&mut self, packet: &mut [u8]) -> Option<usize> {
        self.transport.open_rtcp(packet).ok()
    }

    /// Queues one packet; `payload` fills `len` bytes. Answers its size before SRTP.
    pub(crate) fn send_rtp(
        &mut self,
        batch: &mut SendBatch,
        header: Header,
        (block, ids, now): (ExtensionBlock<'_>, PacketExtensions, Nanos),
        len: usize,
        payload: impl FnOnce(&mut [u8]),
    ) -> usize {
        self.twcc = self.twcc.wrapping_add(1);
        let (twcc, sent) = (self.twcc.to_be_bytes(), abs_send_time(now));
        let mut block: ExtensionBlock<'_> = block;
        block.push(ids.transport_cc, &twcc);
        block.push(ids.abs_send_time, &sent);
        let extensions = block.size(0);
        let whole = FIXED_HEADER + extensions + len;
        let transport = &mut self.transport;
        batch.push(whole + RTP_OVERHEAD, |room| {
            write_header(room, header, extensions > 0);
            block.write(&mut room[FIXED_HEADER..FIXED_HEADER + extensions]);
            payload(&mut room[FIXED_HEADER + extensions..whole]);
            transport.seal_rtp(header.seq, room, whole).ok()
        });
        whole
    }

    pub(crate) fn send_rtcp(&mut self, batch: &mut SendBatch, compound: &[u8]) {
        let transport = &mut self.transport;
        batch.push(compound.len() + RTCP_OVERHEAD, |room| {
            room[..compound.len()].copy_from_slice(compound);
            transport.seal_rtcp(room, compound.len()).ok()
        });
    }
}

fn write_header(out: &mut [u8], header: Header, extended: bool) {
    out[0] = 0x80 | u8::from(extended) << 4;
    out[1] = header.pt | u8::from(header.marker) << 7;
    out[2..4].copy_from_slice(&header.seq.as_u16().to_be_bytes());
    out[4..8].copy_from_slice(&header.timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&header.ssrc.0.to_be_bytes());
}

/// Seconds in 24 bits, 6 before the point.
fn abs_send_time(now: Nanos) -> [u8; 3] {
    let seconds = u128::from(now.0) << 18;
    let fixed = (seconds / 1_000_000_000) as u32;
    let [_, high, middle, low] = fixed.to_be_bytes();
    [high, middle, low]
}
