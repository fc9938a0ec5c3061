//! Recognises addresses of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Any port. Nothing is sent to it.
const PORT: u16 = 9;

/// Whether the address belongs to an interface of this machine.
///
/// A service that listens on a public interface often trusts the machine itself more than others. To reach an own
/// address, the system chooses this very address as the source. Connecting a UDP socket asks for that choice and sends
/// nothing. An address that a router translates to this machine can't be recognised.
pub(super) fn is_own(ip: IpAddr) -> bool {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, PORT))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_told_from_all_others() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        for other in ["1.1.1.1", "192.0.2.1", "2606:4700:4700::1111"] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
    }
}
