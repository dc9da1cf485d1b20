//! A Session without a connection: a Participant that is held by an HTTP resource, as
//! players and encoders have it (WHIP, RFC 9725; WHEP). It is asked for once, with its
//! offer; what keeps it afterwards is that its media path is alive, and nothing else.
//!
//! Its id opens it and cannot be guessed; whoever opened it with a token has to show
//! one of the same user's besides (RFC 9725 §5).

mod focus;
mod life;
mod offer;
mod owner;
mod registry;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use convoke_media::control::{Answer, Offer};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::limits::{Bucket, OFFER_COST};
use super::{Admission, AdmissionRefused, SessionContext};
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::ids::{ParticipantId, RoomName};
use crate::service::Joined;
use focus::Focus;
use life::Life;
use registry::{Place, Registry};

pub(crate) use owner::{Owner, Proof};

/// Resources of one user at once: one account may feed a wall of screens, and not the
/// whole server.
const MAX_PER_USER: usize = 50;
/// Candidates of one fragment. A client with every kind of network has some twenty.
const MAX_CANDIDATES: usize = 64;

/// What a resource is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be seen and heard.
    Publish,
    /// To receive whom the server chooses, or the one with this name or user id alone.
    Receive { whom: Option<String> },
}

/// A resource that is asked for.
pub(crate) struct Opening {
    pub(crate) who: Principal,
    pub(crate) owner: Owner,
    pub(crate) from: IpAddr,
    pub(crate) room: RoomName,
    pub(crate) purpose: Purpose,
    pub(crate) sdp: String,
}

/// One that was made.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) id: String,
    pub(crate) entity: EntityTag,
    /// The answer.
    pub(crate) sdp: String,
}

/// Names one ICE session of a resource (RFC 9725 §4.3.1): what is said of candidates is
/// said of one, and may come after the next has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

impl EntityTag {
    fn new() -> Self {
        Self(format!("\"{}\"", Uuid::new_v4().simple()))
    }

    /// With its quotes, as RFC 9110 §8.8.3 writes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which ICE session a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Any,
    OneOf(Vec<String>),
}

impl Condition {
    fn holds(&self, current: &EntityTag) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.contains(&current.0),
        }
    }
}

/// What a client says of its side of ICE (RFC 8840 §4.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fragment {
    pub(crate) credentials: Option<Credentials>,
    pub(crate) candidates: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
}

/// What a [`Fragment`] did.
#[derive(Debug)]
pub(crate) enum Patched {
    Trickled,
    /// ICE has begun anew; `sdp` is the answer with our new credentials.
    Restarted {
        entity: EntityTag,
        sdp: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Admission(#[from] AdmissionRefused),
    /// An offer of a shape that is not for this.
    #[error("{0}")]
    Shape(&'static str),
    #[error("more than {MAX_CANDIDATES} candidates")]
    TooManyCandidates,
    #[error("another ICE session is current")]
    Stale,
    #[error("too many requests")]
    TooFast { retry_after_secs: u32 },
}

/// All of a server's.
#[derive(Clone)]
pub(crate) struct Resources {
    context: Arc<SessionContext>,
    admission: Admission,
    registry: Arc<Registry>,
    stop: CancellationToken,
    running: TaskTracker,
}

impl Resources {
    pub(crate) fn new(
        context: Arc<SessionContext>,
        admission: Admission,
        stop: CancellationToken,
        running: TaskTracker,
    ) -> Self {
        Self {
            context,
            admission,
            registry: Arc::default(),
            stop,
            running,
        }
    }

    /// Enters the Room and answers the offer, or leaves no trace of having tried.
    pub(crate) async fn open(&self, opening: Opening) -> Result<Opened, ResourceError> {
        let permit = self.admission.admit(opening.from)?;
        let limited = self.context.config.rate_limits.then_some(MAX_PER_USER);
        let place = Registry::reserve(&self.registry, &opening.who.user, limited);
        let place = place.ok_or(AdmissionRefused::UserFull)?;
        // Judged before anybody is told of a newcomer.
        let offer = match &opening.purpose {
            Purpose::Publish => offer::publishing(opening.sdp)?,
            Purpose::Receive { .. } => offer::receiving(opening.sdp)?,
        };
        let service = &self.context.service;
        let joined = match &opening.purpose {
            Purpose::Publish => service.join(&opening.who, opening.room).await?,
            Purpose::Receive { .. } => service.watch(&opening.who, opening.room).await?,
        };
        let whom = match opening.purpose {
            Purpose::Publish => None,
            Purpose::Receive { whom } => whom,
        };
        match self.negotiate(&joined, &offer, whom).await {
            Ok((answer, focus)) => {
                let negotiation = Negotiation::new(offer);
                let resource = self.resource(joined.participant, opening.owner, negotiation);
                Ok(self
                    .settle(place, resource, joined, focus, answer, permit)
                    .await)
            }
            Err(error) => {
                // If even that fails, dropping `joined` is losing the Session.
                let _ = service.leave(joined.participant).await;
                Err(error.into())
            }
        }
    }

    async fn negotiate(
        &self,
        joined: &Joined,
        offer: &Offer,
        whom: Option<String>,
    ) -> Result<(Answer, Option<Focus>), CallError> {
        let service = &self.context.service;
        let participant = joined.participant;
        let answer = service.offer(participant, offer.clone()).await?;
        let focus = whom.map(|whom| Focus::new(whom, &answer.slots, &joined.snapshot));
        if let Some(focus) = &focus {
            // Before the client has the answer, so that it never hears somebody else.
            service.set_slots(participant, focus.wishes()).await?;
        }
        Ok((answer, focus))
    }

    fn resource(
        &self,
        participant: ParticipantId,
        owner: Owner,
        negotiation: Negotiation,
    ) -> Arc<Resource> {
        Arc::new(Resource {
            id: Uuid::new_v4().simple().to_string(),
            context: Arc::clone(&self.context),
            participant,
            owner,
            restarts: AtomicU32::new(0),
            negotiation: Mutex::new(negotiation),
        })
    }

    async fn settle(
        &self,
        place: Place,
        resource: Arc<Resource>,
        joined: Joined,
        focus: Option<Focus>,
        answer: Answer,
        permit: super::Permit,
    ) -> Opened {
        let opened = Opened {
            id: resource.id.clone(),
            entity: resource.negotiation.lock().await.entity.clone(),
            sdp: answer.sdp,
        };
        let kept = place.take(Arc::clone(&resource));
        let life = Life::new(resource, joined.notices, focus, self.stop.clone());
        self.running.spawn(async move {
            life.run().await;
            drop((kept, permit));
        });
        opened
    }

    /// What is there for whoever has the id and a proof that is good for it.
    pub(crate) async fn find(&self, id: &str, proof: &Proof) -> Option<Arc<Resource>> {
        let resource = self.registry.get(id)?;
        let now = self.context.clock.now();
        let own = resource.owner.admits(proof, &self.context.auth, now).await;
        own.then_some(resource)
    }

    /// Leaves the Call. From then on there is no such resource.
    pub(crate) async fn close(&self, resource: &Resource) -> Result<(), CallError> {
        self.context.service.leave(resource.participant).await?;
        self.registry.forget(&resource.id);
        Ok(())
    }
}

/// One Participant's.
pub(crate) struct Resource {
    id: String,
    context: Arc<SessionContext>,
    participant: ParticipantId,
    owner: Owner,
    /// How often ICE was restarted.
    restarts: AtomicU32,
    negotiation: Mutex<Negotiation>,
}

/// What was agreed upon last.
struct Negotiation {
    /// An ICE restart is this once more, with other credentials.
    offer: Offer,
    entity: EntityTag,
    bucket: Bucket,
}

impl Negotiation {
    fn new(offer: Offer) -> Self {
        Self {
            offer,
            entity: EntityTag::new(),
            bucket: Bucket::full(Instant::now()),
        }
    }
}

impl Resource {
    /// Candidates of the client, or new credentials, which restart ICE whatever the
    /// condition says of the old ones (RFC 9725 §4.3.3).
    pub(crate) async fn patch(
        &self,
        condition: &Condition,
        fragment: Fragment,
    ) -> Result<Patched, ResourceError> {
        let mut negotiation = self.negotiation.lock().await;
        if !condition.holds(&negotiation.entity) {
            return Err(ResourceError::Stale);
        }
        let renewed = fragment
            .credentials
            .filter(|new| !offer::has_ufrag(&negotiation.offer.sdp, &new.ufrag));
        let cost = match &renewed {
            Some(_) => OFFER_COST,
            None => 1.0,
        };
        self.pay(&mut negotiation.bucket, cost)?;
        self.trickle(fragment.candidates).await?;
        match renewed {
            None => Ok(Patched::Trickled),
            Some(credentials) => self.restart(&mut negotiation, &credentials).await,
        }
    }

    async fn trickle(&self, candidates: Vec<String>) -> Result<(), ResourceError> {
        if candidates.len() > MAX_CANDIDATES {
            return Err(ResourceError::TooManyCandidates);
        }
        let service = &self.context.service;
        for candidate in candidates {
            service.candidate(self.participant, candidate).await?;
        }
        Ok(())
    }

    async fn restart(
        &self,
        negotiation: &mut Negotiation,
        credentials: &Credentials,
    ) -> Result<Patched, ResourceError> {
        let offer = offer::with_credentials(&negotiation.offer, credentials);
        // Counted first: the path may be told lost while the answer is on its way.
        self.restarts.fetch_add(1, Ordering::Relaxed);
        let service = &self.context.service;
        let answer = service.offer(self.participant, offer.clone()).await?;
        negotiation.offer = offer;
        negotiation.entity = EntityTag::new();
        Ok(Patched::Restarted {
            entity: negotiation.entity.clone(),
            sdp: answer.sdp,
        })
    }

    fn pay(&self, bucket: &mut Bucket, cost: f64) -> Result<(), ResourceError> {
        if !self.context.config.rate_limits {
            return Ok(());
        }
        let paid = bucket.take(cost, Instant::now());
        paid.map_err(|wait: Duration| ResourceError::TooFast {
            retry_after_secs: wait.as_secs_f64().ceil() as u32,
        })
    }
}
