//! Which addresses the answer names as candidates.

use std::net::IpAddr;

use crate::error::MediaError;

/// Configured addresses (behind a 1:1 NAT the machine does not know its own), or
/// those of the machine. `local_only` says that the pages are served on loopback
/// only, so that a browser on this machine is all that can come.
pub fn advertised(configured: &[IpAddr], local_only: bool) -> Result<Vec<IpAddr>, MediaError> {
    if !configured.is_empty() {
        return Ok(configured.to_vec());
    }
    let found = if_addrs::get_if_addrs().map_err(MediaError::Interfaces)?;
    Ok(choose(
        found.into_iter().map(|interface| interface.ip()),
        local_only,
    ))
}

/// All that others can reach. Loopback is named when nothing else is, and beside
/// the others when only this machine's browsers can come; Firefox refuses loopback
/// candidates, so it never replaces the others.
fn choose(found: impl Iterator<Item = IpAddr>, local_only: bool) -> Vec<IpAddr> {
    let all: Vec<IpAddr> = found
        .filter(|ip| !ip.is_unspecified() && !ip.is_multicast())
        .collect();
    let mut chosen: Vec<IpAddr> = all
        .iter()
        .copied()
        .filter(|ip| !ip.is_loopback() && !is_link_local(ip))
        .collect();
    if chosen.is_empty() {
        chosen.extend(all.iter().copied().filter(|ip| !ip.is_loopback()));
    }
    if local_only || chosen.is_empty() {
        chosen.push(IpAddr::from([127, 0, 0, 1]));
    }
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|ip| seen.insert(*ip));
    chosen
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reachable_addresses_come_before_link_local_and_loopback() {
        let cases: [(&[&str], bool, &[&str]); 6] = [
            (
                &["127.0.0.1", "192.0.2.1", "2001:db8::1", "fe80::1"],
                false,
                &["192.0.2.1", "2001:db8::1"],
            ),
            (
                &["127.0.0.1", "192.0.2.1"],
                true,
                &["192.0.2.1", "127.0.0.1"],
            ),
            (&["127.0.0.1", "::1"], false, &["127.0.0.1"]),
            (&["fe80::1", "127.0.0.1"], false, &["fe80::1"]),
            (&["192.0.2.1", "192.0.2.1"], false, &["192.0.2.1"]),
            (&[], false, &["127.0.0.1"]),
        ];
        for (found, local_only, want) in cases {
            let parse = |texts: &[&str]| {
                texts
                    .iter()
                    .map(|t| t.parse().unwrap())
                    .collect::<Vec<IpAddr>>()
            };
            assert_eq!(
                choose(parse(found).into_iter(), local_only),
                parse(want),
                "{found:?}"
            );
        }
    }

    #[test]
    fn configured_addresses_stand_alone() {
        let nat = [IpAddr::from([203, 0, 113, 9])];
        assert_eq!(advertised(&nat, true).unwrap(), nat);
    }
}
