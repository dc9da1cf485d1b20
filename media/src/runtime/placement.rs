//! Which worker has which Call. A Call lives on one worker from its first
//! Participant to its last, so that forwarding never leaves a thread.
//!
//! The handle asks where a command goes, the worker says what became of it. The
//! lock is taken once or twice a command and never for a packet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::control::Command;
use crate::ids::{ParticipantId, RouterId};

use super::load::{Gauges, WorkerLoad};

/// Loads closer than this, in thousandths, count as equal.
const STEP: u32 = 100;

/// A command as far as it moves anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Movement {
    Join(RouterId, ParticipantId),
    Leave(ParticipantId),
    Close(RouterId),
    None,
}

impl Movement {
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::AddParticipant {
                router,
                participant,
            } => Self::Join(*router, *participant),
            Command::RemoveParticipant { participant } => Self::Leave(*participant),
            Command::CloseRouter { router } => Self::Close(*router),
            _ => Self::None,
        }
    }
}

#[derive(Debug)]
struct Placed {
    worker: usize,
    /// Joins on their way to the worker: the Call may not move meanwhile.
    joining: usize,
    participants: usize,
}

#[derive(Debug, Default)]
struct State {
    routers: FxHashMap<RouterId, Placed>,
    participants: FxHashMap<ParticipantId, RouterId>,
    /// Participants of each worker.
    load: Vec<usize>,
    gauges: Vec<Arc<Gauges>>,
}

#[derive(Debug)]
pub(super) struct Placement(Mutex<State>);

impl Placement {
    pub(super) fn new(gauges: Vec<Arc<Gauges>>) -> Self {
        Self(Mutex::new(State {
            load: vec![0; gauges.len()],
            gauges,
            ..State::default()
        }))
    }

    /// Where a command goes. One about nobody goes to the first worker, which
    /// refuses it. Every `Join` is to be followed by [`Self::handled`].
    pub(super) fn worker_for(&self, command: &Command) -> usize {
        let mut state = self.state();
        match command {
            Command::AddParticipant { router, .. } => state.join(*router),
            Command::CloseRouter { router } => state.of_router(*router),
            Command::Offer { participant, .. }
            | Command::AddCandidate { participant, .. }
            | Command::SetSlots { participant, .. }
            | Command::SetMuted { participant, .. }
            | Command::RemoveParticipant { participant }
            | Command::GetStats { participant } => {
                let router = state.participants.get(participant).copied();
                router.map_or(0, |router| state.of_router(router))
            }
        }
    }

    /// A command was carried out, or refused, or never arrived.
    pub(super) fn handled(&self, movement: Movement, done: bool) {
        let mut state = self.state();
        match movement {
            Movement::Join(router, participant) => state.joined(router, participant, done),
            Movement::Leave(participant) if done => state.left(participant),
            Movement::Close(router) if done => state.closed(router),
            _ => {}
        }
    }

    /// Until some worker has room for another Call, at the earliest.
    pub(super) fn room_in(&self) -> Duration {
        let state = self.state();
        let soonest = state.gauges.iter().map(|gauges| gauges.room_in()).min();
        soonest.unwrap_or_default()
    }

    pub(super) fn loads(&self) -> Vec<WorkerLoad> {
        self.state()
            .gauges
            .iter()
            .map(|gauges| gauges.read())
            .collect()
    }

    /// A Router is gone with its worker's failure.
    pub(super) fn lost(&self, router: RouterId) {
        self.state().closed(router);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of_router(&self, router: RouterId) -> usize {
        self.routers.get(&router).map_or(0, |placed| placed.worker)
    }

    /// A new Call goes to the worker that is least busy, and among equals where the
    /// fewest Participants are: what a worker does for those who have just come is not
    /// in its load yet.
    fn join(&mut self, router: RouterId) -> usize {
        let rank = |&worker: &usize| {
            let gauges = &self.gauges[worker];
            (gauges.is_full(), gauges.busy() / STEP, self.load[worker])
        };
        let quietest = (0..self.load.len()).min_by_key(rank);
        let placed = self.routers.entry(router).or_insert(Placed {
            worker: quietest.unwrap_or(0),
            joining: 0,
            participants: 0,
        });
        placed.joining += 1;
        placed.worker
    }

    fn joined(&mut self, router: RouterId, participant: ParticipantId, done: bool) {
        let Some(placed) = self.routers.get_mut(&router) else {
            return;
        };
        placed.joining = placed.joining.saturating_sub(1);
        if done {
            placed.participants += 1;
            self.load[placed.worker] += 1;
            self.participants.insert(participant, router);
        }
        self.forget_if_empty(router);
    }

    fn left(&mut self, participant: ParticipantId) {
        let Some(router) = self.participants.remove(&participant) else {
            return;
        };
        if let Some(placed) = self.routers.get_mut(&router) {
            placed.participants = placed.participants.saturating_sub(1);
            self.load[placed.worker] = self.load[placed.worker].saturating_sub(1);
        }
        self.forget_if_empty(router);
    }

    fn closed(&mut self, router: RouterId) {
        let Some(placed) = self.routers.get_mut(&router) else {
            return;
        };
        let load = &mut self.load[placed.worker];
        *load = load.saturating_sub(std::mem::take(&mut placed.participants));
        self.participants.retain(|_, of| *of != router);
        self.forget_if_empty(router);
    }

    fn forget_if_empty(&mut self, router: RouterId) {
        let empty = |placed: &Placed| placed.joining == 0 && placed.participants == 0;
        if self.routers.get(&router).is_some_and(empty) {
            self.routers.remove(&router);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(router: u128, participant: u128) -> Command {
        Command::AddParticipant {
            router: RouterId(router),
            participant: ParticipantId(participant),
        }
    }

    fn idle(workers: usize) -> Placement {
        Placement::new((0..workers).map(|_| Arc::default()).collect())
    }

    #[test]
    fn a_call_goes_where_there_is_time_for_it() {
        let placement = idle(2);
        carry_out(&placement, &join(1, 10));
        let gauges = placement.state().gauges.clone();
        gauges[1].pretend(400, Duration::ZERO);
        assert_eq!(carry_out(&placement, &join(2, 20)), 0);
        gauges[0].pretend(800, Duration::from_millis(100));
        assert_eq!(placement.room_in(), Duration::ZERO);
        assert_eq!(carry_out(&placement, &join(3, 30)), 1);
        // Less busy, because it leaves out what it would do.
        let (sooner, later) = (Duration::from_secs(20), Duration::from_secs(26));
        gauges[0].pretend(100, sooner);
        assert_eq!(carry_out(&placement, &join(4, 40)), 1);
        gauges[1].pretend(990, later);
        assert_eq!(placement.room_in(), sooner);
    }

    fn leave(participant: u128) -> Command {
        let participant = ParticipantId(participant);
        Command::RemoveParticipant { participant }
    }

    fn carry_out(placement: &Placement, command: &Command) -> usize {
        let worker = placement.worker_for(command);
        placement.handled(Movement::of(command), true);
        worker
    }

    #[test]
    fn calls_spread_and_their_participants_stay_together() {
        let placement = idle(2);
        assert_eq!(carry_out(&placement, &join(1, 10)), 0);
        assert_eq!(carry_out(&placement, &join(1, 11)), 0);
        assert_eq!(carry_out(&placement, &join(2, 20)), 1);
        assert_eq!(carry_out(&placement, &join(3, 30)), 1);
        assert_eq!(carry_out(&placement, &join(1, 12)), 0);
        assert_eq!(carry_out(&placement, &leave(30)), 1);
        assert_eq!(carry_out(&placement, &join(4, 40)), 1);
    }

    #[test]
    fn a_call_does_not_move_while_somebody_joins() {
        let placement = idle(2);
        carry_out(&placement, &join(9, 90));
        assert_eq!(carry_out(&placement, &join(1, 10)), 1);
        // 11 is on the way when the last one leaves.
        assert_eq!(placement.worker_for(&join(1, 11)), 1);
        assert_eq!(carry_out(&placement, &leave(10)), 1);
        carry_out(&placement, &leave(90));
        assert_eq!(placement.worker_for(&join(1, 12)), 1);
        placement.handled(Movement::of(&join(1, 12)), false);
        placement.handled(Movement::of(&join(1, 11)), true);
        assert_eq!(placement.worker_for(&leave(11)), 1);
    }

    #[test]
    fn nothing_is_left_of_closed_lost_and_refused_calls() {
        let placement = idle(3);
        for router in 0..3 {
            for participant in 0..4 {
                carry_out(&placement, &join(router, router * 10 + participant));
            }
        }
        let close = Command::CloseRouter {
            router: RouterId(0),
        };
        carry_out(&placement, &close);
        placement.lost(RouterId(1));
        for participant in 20..24 {
            carry_out(&placement, &leave(participant));
        }
        placement.worker_for(&join(7, 70));
        placement.handled(Movement::of(&join(7, 70)), false);
        let state = placement.state();
        assert!(state.routers.is_empty() && state.participants.is_empty());
        assert_eq!(state.load, [0, 0, 0]);
    }
}
