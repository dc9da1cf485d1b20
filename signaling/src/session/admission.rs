//! How many Sessions there may be, in all and from one address: counted before a
//! socket is upgraded, so that a refused one costs one HTTP answer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone, Copy)]
pub struct AdmissionLimits {
    pub total: usize,
    /// An office behind one NAT is one address; a room of fifty must fit.
    pub per_address: usize,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_address: 200,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionRefused {
    #[error("the server holds all the sessions it may")]
    ServerFull,
    #[error("too many sessions from this address")]
    AddressFull,
    #[error("too many sessions of this user")]
    UserFull,
}

/// The count. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    limits: AdmissionLimits,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    counts: Arc<Mutex<Counts>>,
    address: IpAddr,
}

impl Admission {
    pub fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits,
            counts: Arc::default(),
        }
    }

    pub fn admit(&self, address: IpAddr) -> Result<Permit, AdmissionRefused> {
        let address = site(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.limits.total {
            return Err(AdmissionRefused::ServerFull);
        }
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if here >= self.limits.per_address {
            return Err(AdmissionRefused::AddressFull);
        }
        counts.by_address.insert(address, here + 1);
        counts.total += 1;
        Ok(Permit {
            counts: Arc::clone(&self.counts),
            address,
        })
    }

    pub fn sessions(&self) -> usize {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total = counts.total.saturating_sub(1);
        // Addresses without Sessions are forgotten, or the map would only grow.
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// Whoever has one IPv6 address has its /64 (RFC 6177 §2).
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let prefix = v6.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(prefix).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_and_the_whole_have_their_limit() {
        let admission = Admission::new(AdmissionLimits {
            total: 3,
            per_address: 2,
        });
        let first = admission.admit(address("192.0.2.1")).unwrap();
        let _second = admission.admit(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(
            admission.admit(address("192.0.2.1")).unwrap_err(),
            AdmissionRefused::AddressFull
        );
        let _third = admission.admit(address("192.0.2.2")).unwrap();
        assert_eq!(
            admission.admit(address("192.0.2.3")).unwrap_err(),
            AdmissionRefused::ServerFull
        );
        drop(first);
        assert!(admission.admit(address("192.0.2.1")).is_ok());
    }

    #[test]
    fn an_ipv6_site_is_one_address_and_nothing_is_kept_of_the_gone() {
        let admission = Admission::new(AdmissionLimits {
            total: 9,
            per_address: 1,
        });
        let permit = admission.admit(address("2001:db8::1")).unwrap();
        assert!(admission.admit(address("2001:db8::2")).is_err());
        assert!(admission.admit(address("2001:db8:0:1::1")).is_ok());
        drop(permit);
        assert_eq!(admission.sessions(), 0);
        assert!(admission.counts.lock().unwrap().by_address.is_empty());
    }
}
