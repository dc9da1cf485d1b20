//! A media core that forwards nothing, but refuses what the real one would refuse
//! and remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use convoke_media::control::{Answer, Command, CommandError, Event, Response, SlotInfo, Strain};
use convoke_media::ids::{ParticipantId, RouterId};
use convoke_media::negotiation::outline::{self, Direction, Line};
use convoke_media::runtime::WorkerLoad;
use convoke_signaling::media_plane::MediaPlane;
use tokio::sync::mpsc;

#[derive(Debug, Default)]
pub struct FakeMedia {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    members: BTreeMap<ParticipantId, RouterId>,
    log: Vec<Command>,
    refusal: Option<CommandError>,
    room_in: Duration,
    opening: Option<(mpsc::Sender<Event>, Strain)>,
}

impl FakeMedia {
    /// From now on every command is refused so; `None` ends that.
    pub fn refuse(&self, with: Option<CommandError>) {
        self.books().refusal = with;
    }

    /// As when all workers are near their limits, and recover after this time.
    pub fn fill(&self, room_in: Duration) {
        self.books().room_in = room_in;
    }

    /// From now on each Router that opens says that it leaves out this much, which is heard
    /// before the answer to what opened it.
    pub fn open_with(&self, strain: Strain, events: &mpsc::Sender<Event>) {
        self.books().opening = Some((events.clone(), strain));
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
    fn answer(&mut self, command: Command) -> Result<Response, CommandError> {
        self.log.push(command.clone());
        match &self.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => self.handle(command),
        }
    }

    /// What a Router says that the command opens.
    fn opening(&self, command: &Command) -> Option<(mpsc::Sender<Event>, Event)> {
        let Command::AddParticipant { router, .. } = *command else {
            return None;
        };
        let (events, strain) = self.opening.clone()?;
        let open = self.members.values().any(|of| *of == router);
        (!open).then_some((events, Event::Strained { router, strain }))
    }

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
        let opening = self.books().opening(&command);
        let answer = self.books().answer(command);
        if let Some((events, event)) = opening {
            events.send(event).await.unwrap();
            while events.capacity() < events.max_capacity() {
                tokio::task::yield_now().await;
            }
        }
        answer
    }

    fn room_in(&self) -> Duration {
        self.books().room_in
    }

    fn loads(&self) -> Vec<WorkerLoad> {
        vec![WorkerLoad::default()]
    }
}
