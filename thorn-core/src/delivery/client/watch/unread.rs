//! The bytes that wait on each TCP connection, as Linux tells them.

use std::{
    collections::HashMap,
    fs, io,
    net::{IpAddr, SocketAddr},
};

/// The tables of the kernel, each with a heading and a line for each connection (`man 5 proc`).
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/// How many unread bytes each connection has that can be seen from here, by the connection's own address.
///
/// # Errors
///
/// If the kernel has no such tables. One for IPv6 may be missing.
pub(super) fn unread() -> io::Result<HashMap<SocketAddr, u64>> {
    let [ipv4, ipv6] = TABLES;
    let mut unread: HashMap<_, _> = of_table(&fs::read_to_string(ipv4)?).collect();
    if let Ok(table) = fs::read_to_string(ipv6) {
        unread.extend(of_table(&table));
    }
    Ok(unread)
}

fn of_table(table: &str) -> impl Iterator<Item = (SocketAddr, u64)> {
    table.lines().skip(1).filter_map(of_line)
}

/// The connection's own address and its unread bytes:
/// `0: 0100007F:1F90 0200007F:A3D2 01 00000000:00000019 …`.
fn of_line(line: &str) -> Option<(SocketAddr, u64)> {
    let mut columns = line.split_ascii_whitespace().skip(1);
    let (local, queues) = (columns.next()?, columns.nth(2)?);
    let (ip, port) = local.split_once(':')?;
    let (_, unread) = queues.split_once(':')?;
    let address = SocketAddr::new(ip_address(ip)?, u16::from_str_radix(port, 16).ok()?);
    Some((address, u64::from_str_radix(unread, 16).ok()?))
}

/// The kernel writes the address as numbers of 32 bits, in the byte order of the machine.
fn ip_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (part, octets) in octets.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(part * 8)?);
            }
            Some(IpAddr::from(octets))
        }
        _ => None,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        io::Write as _,
        net::{TcpListener, TcpStream},
        time::{Duration, Instant},
    };

    use super::*;

    /// Sends bytes to a connection that doesn't read them. Returns how many the kernel says wait there, once all do.
    fn waiting(listen: &str, bytes: usize) -> u64 {
        let listener = TcpListener::bind(listen).unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut sender, _) = listener.accept().unwrap();
        sender.write_all(&vec![b'a'; bytes]).unwrap();
        // On a busy machine, what is sent arrives a moment later.
        let began = Instant::now();
        loop {
            let waiting = unread().unwrap()[&reader.local_addr().unwrap()];
            if waiting == bytes as u64 || began.elapsed() > Duration::from_secs(10) {
                return waiting;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn bytes_that_nobody_reads_are_counted_for_ipv4_and_ipv6() {
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            assert_eq!(waiting(listen, 0), 0, "{listen}");
            assert_eq!(waiting(listen, 12_345), 12_345, "{listen}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_passed_over() {
        for line in ["", "0:", "0: 0100007F:1F90", "0: 0100007F 00000000:0000 0A 0:0", "0: 01:1F90 0:0 0A 0:0"] {
            assert_eq!(of_line(line), None, "{line:?}");
        }
    }
}
