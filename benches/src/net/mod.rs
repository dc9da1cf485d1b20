//! Sockets and readiness with as few system calls as the kernel allows: a generator
//! that costs more than the server it loads measures itself.

mod affinity;
mod batch;
mod poll;
mod socket;

pub use affinity::pin_current_thread;
pub use batch::{RecvBatch, SendBatch};
pub use poll::{Poll, Waker};
pub use socket::ClientSocket;
