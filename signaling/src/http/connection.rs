//! What a TCP connection may cost before and between requests. hyper bounds the head of
//! an HTTP/1 request and handlers have a deadline; what is left is a client that never
//! finishes its TLS hello or HTTP/2 preface, an HTTP/2 connection that asks for nothing,
//! a reader that stops reading, and one address that opens them all.
//!
//! An upgraded connection is none of this: its Session has a place in the admission and
//! notices silence by itself.

use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use axum_server::accept::Accept;
use futures_util::future::BoxFuture;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tower::Service;

use crate::session::{Admission, AdmissionLimits, Permit};

/// What all HTTP connections together, and each of them, may take.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// At one time; more are closed at once. WebSockets are counted by the admission
    /// instead.
    pub total: usize,
    /// Of `total`, from one address that is no trusted proxy. A browser opens six, and
    /// an office behind one NAT is one address.
    pub per_address: usize,
    /// From the connection to its first request, a TLS handshake included.
    pub first_request: Duration,
    /// Without a request being answered, or with an answer of which nothing is taken.
    /// Longer than the pauses of somebody who uses the page; opening a connection anew
    /// is cheap.
    pub idle: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_address: 500,
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(60),
        }
    }
}

/// Lets connections in, or closes those that are too many.
#[derive(Clone)]
pub(super) struct Door {
    limits: ConnectionLimits,
    places: Arc<Semaphore>,
    addresses: Admission,
    /// One address for everybody behind it.
    proxies: Arc<[IpAddr]>,
}

/// Of a connection, given back when dropped.
struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_address: Option<Permit>,
}

impl Door {
    pub(super) fn new(limits: ConnectionLimits, proxies: &[IpAddr]) -> Self {
        let addresses = Admission::new(AdmissionLimits {
            total: usize::MAX,
            per_address: limits.per_address,
        });
        Self {
            limits,
            places: Arc::new(Semaphore::new(limits.total.min(Semaphore::MAX_PERMITS))),
            addresses,
            proxies: proxies.iter().map(IpAddr::to_canonical).collect(),
        }
    }

    fn admit(&self, stream: &TcpStream) -> io::Result<Place> {
        let address = stream.peer_addr()?.ip().to_canonical();
        let places = Arc::clone(&self.places);
        let of_all = places.try_acquire_owned().map_err(io::Error::other)?;
        let of_address = if self.proxies.contains(&address) {
            None
        } else {
            let permit = self.addresses.admit(address);
            Some(permit.map_err(io::Error::other)?)
        };
        Ok(Place {
            _of_all: of_all,
            _of_address: of_address,
        })
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Watched<TcpStream>;
    type Service = Counted<S>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = match self.admit(&stream) {
            Ok(place) => place,
            Err(refused) => return ready(Err(refused)),
        };
        // A Session's messages are small, and none is to wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let life = Arc::new(Life::new());
        let service = Counted {
            inner: service,
            life: Arc::clone(&life),
            _place: Arc::new(place),
        };
        ready(Ok((Watched::new(stream, life, self.limits), service)))
    }
}

/// How far a connection has come, as its service sees it.
struct Life(Mutex<Stage>);

#[derive(Clone, Copy)]
enum Stage {
    /// Nothing was asked yet.
    Opened(Instant),
    /// So many requests are being answered, the bodies of their answers included.
    Answering(usize),
    /// Everything has been answered.
    Quiet(Instant),
    /// No longer HTTP.
    Upgraded,
}

impl Life {
    fn new() -> Self {
        Self(Mutex::new(Stage::Opened(Instant::now())))
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(self: &Arc<Self>) -> Answering {
        let mut stage = self.stage();
        *stage = match *stage {
            Stage::Answering(others) => Stage::Answering(others + 1),
            _ => Stage::Answering(1),
        };
        Answering(Arc::clone(self))
    }
}

/// A request that is being answered, or was given up.
struct Answering(Arc<Life>);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut stage = self.0.stage();
        *stage = match *stage {
            Stage::Answering(all) if all > 1 => Stage::Answering(all - 1),
            Stage::Answering(_) => Stage::Quiet(Instant::now()),
            other => other,
        };
    }
}

/// A body that counts as being answered until it is sent or given up.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection's service, which lives as long as the connection speaks HTTP and so
/// holds its place.
#[derive(Clone)]
pub(super) struct Counted<S> {
    inner: S,
    life: Arc<Life>,
    _place: Arc<Place>,
}

impl<R, S> Service<R> for Counted<S>
where
    S: Service<R, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let answering = self.life.asked();
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                *answering.0.stage() = Stage::Upgraded;
                return Ok(response);
            }
            Ok(response.map(|body| {
                Body::new(Answer {
                    body,
                    _answering: answering,
                })
            }))
        })
    }
}

/// A stream that fails when its time is over.
pub(super) struct Watched<IO> {
    io: IO,
    life: Arc<Life>,
    limits: ConnectionLimits,
    /// Since when the other end takes nothing.
    stuck: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl<IO> Watched<IO> {
    fn new(io: IO, life: Arc<Life>, limits: ConnectionLimits) -> Self {
        Self {
            io,
            life,
            limits,
            stuck: None,
            timer: Box::pin(sleep(limits.first_request)),
        }
    }

    /// `None` while the connection may take its time.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let deadline = match *self.life.stage() {
            Stage::Opened(at) => at + self.limits.first_request,
            Stage::Answering(_) => now + self.limits.idle,
            Stage::Quiet(since) => since + self.limits.idle,
            // Its silence is its Session's to notice; a reader that stops is noticed here,
            // whatever it was upgraded to.
            Stage::Upgraded => return self.stuck.map(|since| since + self.limits.idle),
        };
        let stuck = self.stuck.map(|since| since + self.limits.idle);
        Some(stuck.map_or(deadline, |stuck| stuck.min(deadline)))
    }

    /// Nothing comes or goes: is it over? A deadline that moves away, as most do, is
    /// noticed when the timer goes off, not with every packet.
    fn out_of_time(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while let Some(deadline) = self.deadline(Instant::now()) {
            if deadline < self.timer.deadline() {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(cx));
            if deadline <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn progress(
        &mut self,
        cx: &mut Context<'_>,
        sent: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if sent.is_pending() {
            self.stuck.get_or_insert_with(Instant::now);
            return self.out_of_time(cx).map(Err);
        }
        self.stuck = None;
        sent
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Pending => self.out_of_time(cx).map(Err),
            read => read,
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write(cx, buf);
        self.progress(cx, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.progress(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
