//! What a join costs in signaling, to whoever joins and to each who is there already:
//! what Convoke says, sorted by whose join made it say so.

use std::collections::HashSet;

use serde_json::Value;

use crate::engine::SignalingBytes;

/// One participant's.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    bytes: SignalingBytes,
    /// Whose join it has seen: who was there before is in the snapshot.
    newcomers: HashSet<String>,
    /// Mids of Slots that the participant fills. The others change with who speaks.
    pinned: Vec<String>,
}

impl Ledger {
    pub(super) const fn bytes(&self) -> SignalingBytes {
        self.bytes
    }

    pub(super) fn pins(&mut self, mids: impl IntoIterator<Item = String>) {
        self.pinned.extend(mids);
    }

    /// The answer is there, after so many bytes were sent.
    pub(super) const fn answered(&mut self, sent: u64) {
        self.bytes.sent = sent;
        self.bytes.answered = true;
    }

    pub(super) fn heard(&mut self, message: &Value, bytes: usize) {
        if message["type"] == "participant_joined"
            && let Some(id) = message["participant"]["id"].as_str()
            && self.newcomers.insert(id.to_owned())
        {
            self.bytes.newcomers += 1;
        }
        let bytes = bytes as u64;
        let theirs = self.for_newcomers(message, bytes);
        self.bytes.for_newcomers += theirs;
        if !self.bytes.answered {
            self.bytes.received += bytes - theirs;
        }
    }

    /// Of these bytes, those that would not be if nobody had come later. What is not
    /// known to have another reason is laid to their account.
    fn for_newcomers(&self, message: &Value, bytes: u64) -> u64 {
        match message["type"].as_str().unwrap_or_default() {
            "participant_joined" | "participant_changed" => {
                u64::from(self.has_come(&message["participant"]["id"])) * bytes
            }
            "slots" => self.share_of_slots(&message["slots"], bytes),
            // One's own beginning, pings, who speaks, and who goes.
            "welcome" | "joined" | "answer" | "transport" | "pong" | "speaking"
            | "participant_left" => 0,
            _ => u64::from(self.bytes.answered) * bytes,
        }
    }

    fn share_of_slots(&self, slots: &Value, bytes: u64) -> u64 {
        let slots = slots.as_array().map_or(&[][..], Vec::as_slice);
        let is_theirs = |slot: &&Value| {
            self.has_come(&slot["participantId"])
                && self.pinned.iter().any(|mid| slot["mid"] == **mid)
        };
        let theirs = slots.iter().filter(is_theirs).count() as u64;
        bytes * theirs / (slots.len() as u64).max(1)
    }

    fn has_come(&self, id: &Value) -> bool {
        id.as_str().is_some_and(|id| self.newcomers.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn present(kind: &str, id: &str) -> Value {
        json!({"type": kind, "participant": {"id": id}})
    }

    fn joined() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.heard(&json!({"type": "welcome"}), 300);
        ledger.heard(
            &json!({"type": "joined", "participants": [{"id": "early"}]}),
            700,
        );
        ledger.pins(["3".to_owned(), "4".to_owned()]);
        ledger
    }

    #[test]
    fn a_join_is_paid_for_once() {
        let mut ledger = joined();
        // Somebody offers who was there, and somebody else comes, before the answer.
        ledger.heard(&present("participant_changed", "early"), 50);
        ledger.heard(&present("participant_joined", "late"), 200);
        ledger.heard(&json!({"type": "answer"}), 4_000);
        ledger.answered(9_000);
        ledger.heard(&present("participant_changed", "late"), 250);
        ledger.heard(&present("participant_changed", "early"), 50);
        let bytes = ledger.bytes();
        assert_eq!((bytes.received, bytes.sent), (5_050, 9_000));
        assert_eq!((bytes.newcomers, bytes.for_newcomers), (1, 450));
    }

    #[test]
    fn what_comes_anyway_is_nobodys_join() {
        let mut ledger = joined();
        ledger.answered(0);
        ledger.heard(&present("participant_joined", "late"), 200);
        for kind in ["pong", "speaking", "transport", "participant_left"] {
            ledger.heard(&json!({"type": kind}), 100);
        }
        // A voice on a Slot that the server fills, and a picture of who was there.
        let voice = json!({"mid": "2", "participantId": "late"});
        let old = json!({"mid": "3", "participantId": "early"});
        ledger.heard(&json!({"type": "slots", "slots": [voice, old]}), 160);
        assert_eq!(ledger.bytes().for_newcomers, 200);
        let new = json!({"mid": "4", "participantId": "late"});
        ledger.heard(&json!({"type": "slots", "slots": [old, new]}), 160);
        assert_eq!(ledger.bytes().for_newcomers, 280);
    }

    #[test]
    fn a_message_of_no_known_reason_is_counted() {
        let mut ledger = joined();
        ledger.answered(0);
        ledger.heard(&json!({"type": "offer", "sdp": "v=0"}), 60_000);
        assert_eq!(ledger.bytes().for_newcomers, 60_000);
        assert_eq!(ledger.bytes().newcomers, 0);
    }
}
