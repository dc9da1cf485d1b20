//! SRTCP: as SRTP, with the packet's index in the packet.
//!
//! RFC 3711 §3.4, RFC 7714 §9. Unencrypted SRTCP (E flag clear) is refused: both
//! profiles encrypt it (RFC 5764 §4.1.2).

use crate::ids::{SeqNo, Ssrc};

use super::SrtpError;
use super::replay::ReplayTable;
use super::srtp::{Cipher, SHA1_80_LEN, counter_block, short_mac, xor};

/// Header and SSRC of the first packet of a compound, which stay readable.
const CLEAR: usize = 8;
const E_FLAG: u32 = 1 << 31;

fn ssrc_of(packet: &[u8]) -> Option<Ssrc> {
    let clear = packet.first_chunk::<CLEAR>()?;
    // Version 2 and a payload type of RTCP (RFC 5761 §4).
    if clear[0] >> 6 != 2 || !(192..=223).contains(&clear[1]) {
        return None;
    }
    Some(Ssrc(u32::from_be_bytes([
        clear[4], clear[5], clear[6], clear[7],
    ])))
}

/// Nonce of AES-GCM (RFC 7714 §9.1).
fn rtcp_nonce(salt: &[u8; 12], ssrc: Ssrc, index: u32) -> [u8; 12] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.0.to_be_bytes());
    xor(&mut nonce[8..12], &index.to_be_bytes());
    nonce
}

/// Additional data of AES-GCM (RFC 7714 §9.2): clear part and index word.
fn aad(clear: &[u8], word: u32) -> [u8; CLEAR + 4] {
    let mut aad = [0; CLEAR + 4];
    aad[..CLEAR].copy_from_slice(clear);
    aad[CLEAR..].copy_from_slice(&word.to_be_bytes());
    aad
}

pub(super) struct RtcpSealer {
    cipher: Cipher,
    /// One count for all SSRCs: each still sees it rise, which is all a receiver
    /// checks, and no table is needed.
    next: u32,
}

impl RtcpSealer {
    pub(super) const fn new(cipher: Cipher) -> Self {
        Self { cipher, next: 0 }
    }

    #[cfg(test)]
    pub(super) const fn skip_to(&mut self, index: u32) {
        self.next = index;
    }

    pub(super) fn seal(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let (packet, room) = buf.split_at_mut_checked(len).ok_or(SrtpError::NoRoom)?;
        let ssrc = ssrc_of(packet).ok_or(SrtpError::Malformed)?;
        // 2^31 packets (RFC 3711 §9.2).
        let index = self.next;
        if index & E_FLAG != 0 {
            return Err(SrtpError::Exhausted);
        }
        let word = index | E_FLAG;
        let sealed = match &mut self.cipher {
            Cipher::Gcm { aead, salt } => {
                let room = room.first_chunk_mut::<20>().ok_or(SrtpError::NoRoom)?;
                let (tag, trailer) = room.split_at_mut(16);
                let (clear, payload) = packet.split_at_mut(CLEAR);
                let nonce = rtcp_nonce(salt, ssrc, index);
                aead.seal_in_place(&nonce, &aad(clear, word), payload, tag)
                    .map_err(|_| SrtpError::Exhausted)?;
                trailer.copy_from_slice(&word.to_be_bytes());
                len + 20
            }
            Cipher::Cm { stream, mac, salt } => {
                let room = room
                    .first_chunk_mut::<{ 4 + SHA1_80_LEN }>()
                    .ok_or(SrtpError::NoRoom)?;
                let iv = counter_block(salt, ssrc, u64::from(index));
                stream
                    .apply_keystream(&iv, &mut packet[CLEAR..])
                    .map_err(|_| SrtpError::Exhausted)?;
                let (trailer, tag) = room.split_at_mut(4);
                trailer.copy_from_slice(&word.to_be_bytes());
                let short = short_mac(mac.as_mut(), &[packet, trailer])
                    .map_err(|_| SrtpError::Exhausted)?;
                tag.copy_from_slice(&short);
                len + 4 + SHA1_80_LEN
            }
        };
        self.next += 1;
        Ok(sealed)
    }
}

pub(super) struct RtcpOpener {
    cipher: Cipher,
    replay: ReplayTable,
}

impl RtcpOpener {
    pub(super) fn new(cipher: Cipher) -> Self {
        Self {
            cipher,
            replay: ReplayTable::default(),
        }
    }

    pub(super) fn open(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = ssrc_of(packet).ok_or(SrtpError::Malformed)?;
        let word = self.index_word(packet).ok_or(SrtpError::Malformed)?;
        let index = word & !E_FLAG;
        if word & E_FLAG == 0 {
            return Err(SrtpError::Malformed);
        }
        let number = SeqNo(u64::from(index));
        if self.replay.is_replay(ssrc, number) {
            return Err(SrtpError::Replayed);
        }
        let len = self.verify_and_decrypt(ssrc, word, packet)?;
        self.replay.accept(ssrc, number);
        Ok(len)
    }

    /// The word with E flag and index: last with AES-GCM, before the tag with AES-CM.
    fn index_word(&self, packet: &[u8]) -> Option<u32> {
        let (end, overhead) = match &self.cipher {
            Cipher::Gcm { .. } => (packet.len(), 20),
            Cipher::Cm { .. } => (packet.len().checked_sub(SHA1_80_LEN)?, 4),
        };
        if end < CLEAR + overhead {
            return None;
        }
        let word = packet[..end].last_chunk::<4>()?;
        Some(u32::from_be_bytes(*word))
    }

    fn verify_and_decrypt(
        &mut self,
        ssrc: Ssrc,
        word: u32,
        packet: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let index = word & !E_FLAG;
        match &mut self.cipher {
            Cipher::Gcm { aead, salt } => {
                let end = packet.len() - 20;
                let (body, trailer) = packet.split_at_mut(end);
                let (clear, payload) = body.split_at_mut(CLEAR);
                let nonce = rtcp_nonce(salt, ssrc, index);
                aead.open_in_place(&nonce, &aad(clear, word), payload, &trailer[..16])
                    .map_err(|_| SrtpError::Unauthenticated)?;
                Ok(end)
            }
            Cipher::Cm { stream, mac, salt } => {
                let end = packet.len() - SHA1_80_LEN;
                let (signed, tag) = packet.split_at_mut(end);
                let want =
                    short_mac(mac.as_mut(), &[signed]).map_err(|_| SrtpError::Unauthenticated)?;
                if !rtc_crypto::constant_time_eq(&want, tag) {
                    return Err(SrtpError::Unauthenticated);
                }
                let iv = counter_block(salt, ssrc, u64::from(index));
                stream
                    .apply_keystream(&iv, &mut signed[CLEAR..end - 4])
                    .map_err(|_| SrtpError::Unauthenticated)?;
                Ok(end - 4)
            }
        }
    }
}
