//! What those who play share: the clients' threads, who is where, and who has joined.
//! All on one thread, whose tasks wait for signaling; media runs elsewhere.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc};

use crate::client::Client;
use crate::clock::Nanos;
use crate::scenario::{Cast, Person, PersonId, SourceName};
use crate::target::Target;

use super::connections::{Blueprint, Connections, source_of};
use super::join::JoinLog;
use super::media_thread::{Command, Report, Threads, Told};
use super::options::Options;

/// Of one address: servers limit what comes from one, and people do not share one.
const PEOPLE_PER_ADDRESS: usize = 100;

pub(crate) struct Stage {
    pub(crate) target: Target,
    pub(crate) options: Options,
    pub(crate) connections: Connections,
    pub(crate) threads: Threads,
    pub(crate) cast: RefCell<Cast>,
    pub(crate) log: RefCell<JoinLog>,
    /// Somebody's join has got further.
    pub(crate) progress: Notify,
    /// Who is in the way of those who play what others publish.
    pub(crate) publishers: RefCell<Vec<PersonId>>,
    #[cfg(feature = "webrtc")]
    pub(crate) peers: std::sync::Arc<super::peers::PeerCounts>,
    #[cfg(feature = "webrtc")]
    pub(crate) told: mpsc::UnboundedSender<Told>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Stage {
    pub(crate) fn person(&self, id: PersonId) -> Person {
        self.cast.borrow().get(id).clone()
    }

    /// Its name at the server.
    pub(crate) fn room(&self, index: usize) -> String {
        format!("{}-{index}", self.options.room_prefix)
    }

    /// The address that a person comes from, on the way to `server`.
    pub(crate) fn address(&self, PersonId(id): PersonId, server: SocketAddr) -> IpAddr {
        if let Some(address) = self.options.local_ip {
            return address;
        }
        match server.ip() {
            // All of 127.0.0.0/8 is this machine.
            IpAddr::V4(ip) if ip.is_loopback() => {
                let host = 1 + (id / PEOPLE_PER_ADDRESS) as u32;
                IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + host - 1))
            }
            _ => way_to(server).unwrap_or_else(|| server.ip()),
        }
    }

    /// A signaling connection from that address.
    pub(crate) async fn connect(
        &self,
        person: PersonId,
        server: SocketAddr,
    ) -> anyhow::Result<TcpStream> {
        let socket = if server.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.bind(SocketAddr::new(self.address(person, server), 0))?;
        let stream = socket.connect(server).await;
        let stream = stream.with_context(|| format!("cannot connect to {server}"))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Whether a person is the `webrtc` crate's: as many of each hundred, evenly spread.
    #[cfg(feature = "webrtc")]
    pub(crate) fn is_peer(&self, PersonId(id): PersonId) -> bool {
        let share = self.options.webrtc_share.clamp(0.0, 1.0);
        ((id + 1) as f64 * share).floor() > (id as f64 * share).floor()
    }

    /// The RTCPeerConnection of a person, registered, and its offer.
    #[cfg(feature = "webrtc")]
    pub(crate) async fn peer(
        &self,
        person: &Person,
        address: IpAddr,
    ) -> anyhow::Result<(super::peers::Peer, String)> {
        let id = self.connections.next_id();
        self.log.borrow_mut().attach(person.id, id);
        let counts = std::sync::Arc::clone(&self.peers);
        let who = (id, person.id.0 as u32);
        super::peers::Peer::offer(who, &person.group, address, counts, self.told.clone()).await
    }

    /// A client of a person, registered and not yet connecting.
    pub(crate) fn client(&self, blueprint: &Blueprint) -> anyhow::Result<Box<Client>> {
        let client = self.connections.make(blueprint)?;
        self.log.borrow_mut().attach(blueprint.person, client.id);
        Ok(Box::new(client))
    }

    pub(crate) fn start(&self, client: Box<Client>) {
        self.threads.send(client.id, Command::Add(client));
    }

    /// Has a person send these layers of a source, and no others.
    pub(crate) fn set_layers(&self, person: PersonId, source: SourceName, wanted: &[String]) {
        for client in self.log.borrow().clients(person) {
            let command = Command::SetLayers {
                client,
                source: source_of(source),
                wanted: wanted.to_vec(),
            };
            self.threads.send(client, command);
        }
    }

    /// Waits until something about the joins is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&JoinLog) -> bool) {
        loop {
            let changed = self.progress.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change is missed.
            changed.as_mut().enable();
            if is_so(&self.log.borrow()) {
                return;
            }
            changed.await;
        }
    }

    /// Has a person wait until whoever is to be watched publishes. How long depends on the
    /// pace at which they join, so it is no part of this one's join.
    pub(crate) async fn everybody_publishes(&self, person: PersonId) {
        let begin = Nanos::now();
        let publishers = self.publishers.borrow().clone();
        self.until(|log| log.have_published(&publishers)).await;
        let mut log = self.log.borrow_mut();
        log.waited(person, Nanos::now().since(begin));
    }

    pub(crate) fn note(&self, change: impl FnOnce(&mut JoinLog)) {
        change(&mut self.log.borrow_mut());
        self.progress.notify_waiters();
    }

    /// Counts from now on.
    pub(crate) fn begin(&self) {
        self.log.borrow_mut().begin_window();
        self.threads.send_all(|| Command::Begin);
        #[cfg(feature = "webrtc")]
        self.peers.begin();
    }

    /// Counts no new packets.
    pub(crate) fn end(&self) {
        self.threads.send_all(|| Command::End);
        #[cfg(feature = "webrtc")]
        self.peers.end();
    }

    /// All that was counted.
    pub(crate) async fn collect(&self) -> Report {
        let report = self.threads.ask(Command::Collect).await;
        #[cfg(feature = "webrtc")]
        let report = {
            let mut report = report;
            report.tally.merge(&self.peers.collect());
            report
        };
        report
    }

    /// Notes what the clients tell, for as long as they do.
    pub(crate) async fn listen(&self, mut told: mpsc::UnboundedReceiver<Told>) {
        while let Some(Told {
            client,
            happening,
            at,
        }) = told.recv().await
        {
            self.note(|log| log.tell(client, happening, at));
        }
    }

    /// Joins, stays until `leave`, and leaves.
    pub(crate) async fn attend(&self, person: PersonId, leave: tokio::sync::oneshot::Receiver<()>) {
        self.log.borrow_mut().begin(person, Nanos::now());
        if let Err(error) = self.target.attend(self, person, leave).await {
            self.note(|log| log.refuse(person, format!("{error:#}")));
        }
        self.note(|log| log.left(person));
        self.cast.borrow_mut().leave(person);
        // What was sent to it until the server heard of it still comes.
        tokio::time::sleep(Duration::from_millis(100)).await;
        for client in self.log.borrow().clients(person) {
            self.threads.send(client, Command::Remove(client));
        }
    }
}

/// The address of ours that the kernel would send from.
fn way_to(server: SocketAddr) -> Option<IpAddr> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(server), Type::DGRAM, None).ok()?;
    socket.connect(&server.into()).ok()?;
    Some(socket.local_addr().ok()?.as_socket()?.ip())
}
