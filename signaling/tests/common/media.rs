//! A media core that forwards nothing, but refuses what the real one would refuse
//! and remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use convoke_media::control::{Answer, Command, CommandError, Response, SlotInfo};
use convoke_media::ids::{ParticipantId, RouterId};
use convoke_media::negotiation::outline::{self, Direction, Line};
use convoke_media::runtime::WorkerLoad;
use convoke_signaling::media_plane::MediaPlane;

#[derive(Debug, Default)]
pub struct FakeMedia {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    members: BTreeMap<ParticipantId, RouterId>,
    log: Vec<Command>,
    refusal: Option<CommandError>,
    full: bool,
}

impl FakeMedia {
    /// From now on every command is refused so; `None` ends that.
    pub fn refuse(&self, with: Option<CommandError>) {
        self.books().refusal = with;
    }

    /// As when all workers are near their limits.
    pub fn fill(&self, full: bool) {
        self.books().full = full;
    }

    /// As when a worker failed: everybody in it is gone.
    pub fn lose(&self, router: RouterId) {
        self.books().members.retain(|_, r| *r != router);
    }

    /// How many there are in all Routers.
    pub fn members(&self) -> usize {
        self.books().members.len()
    }

    /// The commands since the last time that this was asked.
    pub fn take_log(&self) -> Vec<Command> {
        std::mem::take(&mut self.books().log)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }
}

impl Books {
    fn known(&self, id: ParticipantId) -> Result<Response, CommandError> {
        let known = self.members.contains_key(&id).then_some(Response::Done);
        known.ok_or(CommandError::UnknownParticipant)
    }

    fn handle(&mut self, command: Command) -> Result<Response, CommandError> {
        match command {
            Command::AddParticipant {
                router,
                participant,
            } => {
                if self.members.insert(participant, router).is_some() {
                    return Err(CommandError::DuplicateParticipant);
                }
                Ok(Response::Done)
            }
            Command::Offer { participant, offer } => {
                self.known(participant)?;
                Ok(Response::Answer(Answer {
                    sdp: format!("answer to {}", offer.sdp),
                    published: offer.publish,
                    slots: slots(&offer.sdp),
                }))
            }
            Command::AddCandidate { participant, .. }
            | Command::SetSlots { participant, .. }
            | Command::SetMuted { participant, .. }
            | Command::GetStats { participant } => self.known(participant),
            Command::RemoveParticipant { participant } => {
                let known = self.known(participant);
                self.members.remove(&participant);
                known
            }
            Command::CloseRouter { router } => {
                let before = self.members.len();
                self.members.retain(|_, r| *r != router);
                let closed = self.members.len() < before;
                closed
                    .then_some(Response::Done)
                    .ok_or(CommandError::UnknownRouter)
            }
        }
    }
}

/// Of an offer that is SDP, which most tests have no need of.
fn slots(sdp: &str) -> Vec<SlotInfo> {
    let lines = outline::lines(sdp).unwrap_or_default();
    let slot = |line: Line| {
        let receives = line.direction == Direction::RecvOnly;
        let (mid, kind) = (line.mid, line.kind.filter(|_| receives)?);
        Some(SlotInfo { mid, kind })
    };
    lines.into_iter().filter_map(slot).collect()
}

#[async_trait::async_trait]
impl MediaPlane for FakeMedia {
    async fn request(&self, command: Command) -> Result<Response, CommandError> {
        let mut books = self.books();
        books.log.push(command.clone());
        if let Some(refusal) = &books.refusal {
            return Err(refusal.clone());
        }
        books.handle(command)
    }

    fn has_room(&self) -> bool {
        !self.books().full
    }

    fn loads(&self) -> Vec<WorkerLoad> {
        vec![WorkerLoad::default()]
    }
}
