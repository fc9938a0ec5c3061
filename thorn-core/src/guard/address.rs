//! Special-purpose addresses, as the IANA registries list them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 networks that aren't public, each with a description for error messages.
///
/// They are the networks of the
/// [special-purpose registry](https://www.iana.org/assignments/iana-ipv4-special-registry), multicast, and
/// 168.63.129.16, which is public but is Azure's internal platform address.
const V4: [(Ipv4Net, &str); 18] = [
    (v4([0, 0, 0, 0], 8), "the network's own address"),
    (v4([10, 0, 0, 0], 8), "a private address"),
    (v4([100, 64, 0, 0], 10), "a shared address of carriers and clouds"),
    (v4([127, 0, 0, 0], 8), "a loopback address"),
    (v4([168, 63, 129, 16], 32), "the platform address of a cloud"),
    (v4([169, 254, 0, 0], 16), "a link-local address, where clouds have their metadata"),
    (v4([172, 16, 0, 0], 12), "a private address"),
    (v4([192, 0, 0, 0], 24), "an address of protocol assignments"),
    (v4([192, 0, 2, 0], 24), "an address for documentation"),
    (v4([192, 88, 99, 0], 24), "a 6to4 relay"),
    (v4([192, 168, 0, 0], 16), "a private address"),
    (v4([198, 18, 0, 0], 15), "an address for benchmarks"),
    (v4([198, 51, 100, 0], 24), "an address for documentation"),
    (v4([203, 0, 113, 0], 24), "an address for documentation"),
    (v4([224, 0, 0, 0], 4), "a multicast address"),
    (v4([255, 255, 255, 255], 32), "the broadcast address"),
    (v4([240, 0, 0, 0], 5), "a reserved address"),
    (v4([248, 0, 0, 0], 5), "a reserved address"),
];

/// IPv6 networks that aren't public, narrower ones first, each with a description for error messages.
///
/// They come from the
/// [special-purpose registry](https://www.iana.org/assignments/iana-ipv6-special-registry). Addresses outside
/// [`GLOBAL`] are refused anyway; some are listed so that the message describes them.
const V6: [(Ipv6Net, &str); 17] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "the unspecified address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "a loopback address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "an IPv4-compatible address"),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), "an IPv4-translated address"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "an address of a local NAT64"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "a discard-only address"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "a Teredo address"),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "an address for benchmarks"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "an address of protocol assignments"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "an address for documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "a 6to4 address"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "an address for documentation"),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "an address of segment routing"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a unique-local address"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "a site-local address"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
];

/// Global unicast addresses, from which all public addresses are assigned (RFC 4291, section 2.4).
const GLOBAL: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// The well-known NAT64 prefix (RFC 6052). On an IPv6-only network, a host with only IPv4 has such an
/// address, so the wrapped IPv4 address is the one to check.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// The IPv4 address inside an IPv4-mapped or NAT64 address; any other address unchanged.
pub(crate) fn unwrapped(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if NAT64.contains(&ip) => {
            let [.., a, b, c, d] = ip.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        ip => ip,
    }
}

/// A description of a special-purpose address. `None` means that the address is public.
pub(crate) fn special(ip: IpAddr) -> Option<&'static str> {
    match unwrapped(ip) {
        IpAddr::V4(ip) => V4.iter().find(|(network, _)| network.contains(&ip)).map(|(_, kind)| *kind),
        IpAddr::V6(ip) => special_v6(ip),
    }
}

fn special_v6(ip: Ipv6Addr) -> Option<&'static str> {
    let named = V6.iter().find(|(network, _)| network.contains(&ip)).map(|(_, kind)| *kind);
    named.or((!GLOBAL.contains(&ip)).then_some("a reserved address"))
}

/// Whether a network of IPv4-mapped addresses, such as `::ffff:10.0.0.0/104`, contains this IPv4 address.
pub(crate) fn contains_mapped(network: &IpNet, ip: IpAddr) -> bool {
    match (network, ip) {
        (IpNet::V6(network), IpAddr::V4(ip)) if network.prefix_len() >= 96 => network.contains(&ip.to_ipv6_mapped()),
        _ => false,
    }
}

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(ip: &str) -> Option<&'static str> {
        special(ip.parse().unwrap())
    }

    #[test]
    fn thorn_167_168_special_purpose_addresses_are_recognised() {
        for (ip, word) in [
            ("0.0.0.0", "own"),
            ("0.255.255.255", "own"),
            ("10.0.0.0", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.0", "shared"),
            ("100.100.100.200", "shared"),
            ("100.127.255.255", "shared"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("168.63.129.16", "cloud"),
            ("169.254.0.0", "link-local"),
            ("169.254.169.254", "metadata"),
            ("169.254.170.2", "metadata"),
            ("172.16.0.0", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.1", "protocol"),
            ("192.0.0.192", "protocol"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "6to4"),
            ("192.168.0.0", "private"),
            ("192.168.255.255", "private"),
            ("198.18.0.0", "benchmarks"),
            ("198.19.255.255", "benchmarks"),
            ("198.51.100.7", "documentation"),
            ("203.0.113.255", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.250", "multicast"),
            ("240.0.0.0", "reserved"),
            ("247.255.255.255", "reserved"),
            ("248.0.0.0", "reserved"),
            ("255.255.255.254", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::127.0.0.1", "compatible"),
            ("::8.8.8.8", "compatible"),
            ("::ffff:0:127.0.0.1", "translated"),
            ("64:ff9b:1::1", "NAT64"),
            ("64:ff9b:1:ffff::7f00:1", "NAT64"),
            ("100::1", "discard"),
            ("2001::1", "Teredo"),
            ("2001:0:53aa:64c:0:7f:80ff:fffe", "Teredo"),
            ("2001:2::1", "benchmarks"),
            ("2001:10::1", "protocol"),
            ("2001:20::1", "protocol"),
            ("2001:1ff:ffff::1", "protocol"),
            ("2001:db8::1", "documentation"),
            ("2002:7f00:1::", "6to4"),
            ("2002:a00:1::1", "6to4"),
            ("2002:808:808::1", "6to4"),
            ("3fff::1", "documentation"),
            ("3fff:fff:ffff::", "documentation"),
            ("4000::1", "reserved"),
            ("5f00::1", "segment"),
            ("1fff::1", "reserved"),
            ("64:ff9a::808:808", "reserved"),
            ("64:ff9b::1:808:808", "reserved"),
            ("fc00::1", "unique-local"),
            ("fd00:ec2::254", "unique-local"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "site-local"),
            ("feff::1", "site-local"),
            ("ff02::1", "multicast"),
        ] {
            let kind = kind(ip);
            assert!(kind.is_some_and(|kind| kind.contains(word)), "{ip}: {kind:?}");
        }
    }

    #[test]
    fn thorn_168_a_wrapped_address_counts_as_the_address_inside() {
        for (wrapped, inner) in [
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("::ffff:169.254.169.254", "169.254.169.254"),
            ("::ffff:100.64.0.1", "100.64.0.1"),
            ("::ffff:8.8.8.8", "8.8.8.8"),
            ("64:ff9b::7f00:1", "127.0.0.1"),
            ("64:ff9b::10.0.0.1", "10.0.0.1"),
            ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
            ("64:ff9b::8.8.8.8", "8.8.8.8"),
        ] {
            assert_eq!(kind(wrapped), kind(inner), "{wrapped}");
        }
        assert!(kind("64:ff9b::7f00:1").is_some() && kind("64:ff9b::8.8.8.8").is_none());
    }

    #[test]
    fn public_addresses_are_not_special() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert_eq!(kind(ip), None, "{ip}");
        }
    }
}
