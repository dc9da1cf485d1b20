//! Trickled candidates. A lite agent learns addresses from checks, so a candidate is
//! only told apart from nonsense.

/// No browser's line is longer: a foundation of 32 characters, two addresses, a ufrag
/// of 256, some extensions.
const MAX_LEN: usize = 1_024;

/// Whether this is a candidate line (RFC 8839 §5.1), with or without `a=`. The empty
/// line and `end-of-candidates` say that no more come (RFC 8838 §13), and so are valid.
pub fn is_candidate(line: &str) -> bool {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.strip_prefix("a=").unwrap_or(line);
    if line.is_empty() || line == "end-of-candidates" {
        return true;
    }
    if line.len() > MAX_LEN || line.bytes().any(|b| b.is_ascii_control()) {
        return false;
    }
    let Some(fields) = line.strip_prefix("candidate:") else {
        return false;
    };
    let fields: Vec<&str> = fields.split(' ').collect();
    let [
        foundation,
        component,
        transport,
        priority,
        address,
        port,
        "typ",
        kind,
        extensions @ ..,
    ] = fields.as_slice()
    else {
        return false;
    };
    is_ice_chars(foundation, 32)
        && matches!(component.parse(), Ok(1u16..=256))
        && is_token(transport)
        && priority.parse::<u32>().is_ok()
        // An IP address or, with obfuscation, a name in .local (mDNS).
        && (address.parse::<std::net::IpAddr>().is_ok() || is_host_name(address))
        && port.parse::<u16>().is_ok()
        && matches!(*kind, "host" | "srflx" | "prflx" | "relay")
        && extensions.len() % 2 == 0
        && extensions.iter().all(|text| !text.is_empty())
}

fn is_ice_chars(text: &str, max: usize) -> bool {
    let ice = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    !text.is_empty() && text.len() <= max && text.bytes().all(ice)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_host_name(text: &str) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    !text.is_empty() && text.len() <= 253 && text.bytes().all(ok)
}

#[cfg(test)]
mod tests {
    use super::is_candidate;

    #[test]
    fn candidate_lines() {
        let good = [
            "candidate:3558809619 1 udp 2122194687 127.0.0.1 46954 typ host generation 0 ufrag EEtu network-id 3 network-cost 50",
            "a=candidate:0 1 UDP 2122055935 fd00::2 35830 typ host\r\n",
            "candidate:1 1 tcp 1518083839 192.0.2.2 9 typ host tcptype active",
            "candidate:1 1 udp 2113937151 a1b2c3d4-0000-4000-8000-0123456789ab.local 53431 typ host",
            "candidate:842163049 1 udp 1677729535 203.0.113.9 41236 typ srflx raddr 0.0.0.0 rport 0",
            "",
            "end-of-candidates",
        ];
        for line in good {
            assert!(is_candidate(line), "{line:?}");
        }
        let long = format!(
            "candidate:1 1 udp 1 1.2.3.4 5 typ host x {}",
            "y".repeat(2_000)
        );
        let bad = [
            "candidate:",
            "candidate:1 1 udp 1 1.2.3.4 5 typ",
            "candidate:1 1 udp 1 1.2.3.4 5 kind host",
            "candidate:1 1 udp 1 1.2.3.4 99999 typ host",
            "candidate:1 0 udp 1 1.2.3.4 5 typ host",
            "candidate:1 1 udp 4294967296 1.2.3.4 5 typ host",
            "candidate:1 1 udp 1 1.2.3.4 5 typ guest",
            "candidate:1 1 udp 1 <script> 5 typ host",
            "candidate:1 1 udp 1 1.2.3.4 5 typ host odd",
            "candidate:1 1 udp 1 1.2.3.4 5 typ host\r\na=x y",
            "garbage",
            &long,
        ];
        for line in bad {
            assert!(!is_candidate(line), "{line:?}");
        }
    }
}
