//! Sockets and readiness with as few system calls as the kernel allows: a generator
//! that costs more than the server it loads measures itself.

mod affinity;
mod batch;
mod descriptors;
mod poll;
mod socket;

pub(crate) use affinity::pin_current_thread;
pub(crate) use batch::{RecvBatch, SendBatch};
pub(crate) use descriptors::raise_descriptor_limit;
pub(crate) use poll::{Poll, Waker};
pub(crate) use socket::ClientSocket;
