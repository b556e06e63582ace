//! Who listens on a port: the kernel's socket table, and the descriptors of processes.
//!
//! The table is asked by netlink (`sock_diag(7)`), which filters by port in the kernel; where that is
//! forbidden, `/proc/net/tcp{,6}` is read. Nothing is ever connected to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

use super::procfs;

/// A listening TCP socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Listener {
    /// The address it is bound to.
    pub(super) address: IpAddr,
    /// The socket's inode, as `/proc/PID/fd` shows it.
    pub(super) inode: u64,
}

impl Listener {
    /// Whether a client on this machine can meet this socket at the port's loopback address.
    pub(super) fn is_local(&self) -> bool {
        self.address.is_loopback() || self.address.is_unspecified()
    }
}

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP` of `linux/netlink.h`.
const DUMP_REQUEST: u16 = 0x301;
/// `NLMSG_ERROR` and `NLMSG_DONE` of `linux/netlink.h`.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `struct nlmsghdr`, and with it `struct inet_diag_req_v2` and `struct inet_diag_msg`, in bytes.
const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = 72;
const ANSWER_BYTES: usize = 88;
/// `IPPROTO_TCP` and, as a bit of the state mask, `TCP_LISTEN`.
const TCP: u8 = 6;
const LISTEN_BIT: u32 = 1 << 10;
/// `AF_INET` and `AF_INET6`.
const FAMILIES: [u8; 2] = [2, 10];
/// One answer of the kernel is at most this long (a dump's buffer in the kernel is 32 KiB at most).
const ANSWER_BUFFER_BYTES: usize = 32 << 10;
/// Most datagrams of one dump. One port has a handful of listeners; the bound only ends the loop.
const DATAGRAMS_MAX: usize = 64;
/// Most descriptors of one process that are compared with a socket.
const DESCRIPTORS_MAX: usize = 65_536;

/// Every socket that listens on `port` in our network namespace.
pub(super) fn listeners(port: u16) -> io::Result<Vec<Listener>> {
    ask_kernel(port).or_else(|_| read_tables(port))
}

/// Those of the sockets that the process holds; `None` when its descriptors may
/// not be looked at.
pub(super) fn held_by(pid: u32, listeners: &[Listener]) -> Option<Vec<Listener>> {
    let folder = format!("/proc/{pid}/fd");
    let mut held: Vec<Listener> = Vec::new();
    for fd in procfs::numbers_in(&folder, DESCRIPTORS_MAX)? {
        if held.len() == listeners.len() {
            break;
        }
        let Ok(link) = std::fs::read_link(format!("{folder}/{fd}")) else { continue };
        let inode = link.to_str().and_then(|l| l.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok());
        held.extend(listeners.iter().filter(|l| Some(l.inode) == inode && !held.contains(l)).copied().collect::<Vec<_>>());
    }
    Some(held)
}

/// The process, other than `except`, that holds one of these sockets: a scan of all of them.
pub(super) fn find_holder(listeners: &[Listener], except: Option<u32>) -> Option<u32> {
    let holds = |pid: &u32| held_by(*pid, listeners).is_some_and(|held| !held.is_empty());
    procfs::pids().into_iter().filter(|pid| Some(*pid) != except).find(holds)
}

fn ask_kernel(port: u16) -> io::Result<Vec<Listener>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    let mut found = Vec::new();
    let mut buffer = vec![0; ANSWER_BUFFER_BYTES];
    for family in FAMILIES {
        send(&socket, &request(family, port), SendFlags::empty())?;
        for datagram in 0.. {
            // The kernel has answered before `send` returned, so this never waits.
            let (length, _) = recv(&socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
            if !parse_answer(&buffer[..length], port, &mut found)? {
                break;
            }
            if datagram == DATAGRAMS_MAX {
                return Err(io::Error::other("endless answer of the kernel"));
            }
        }
    }
    Ok(found)
}

/// `nlmsghdr` and `inet_diag_req_v2`: TCP sockets of `family` that listen on `port`.
fn request(family: u8, port: u16) -> [u8; REQUEST_BYTES] {
    let mut message = [0; REQUEST_BYTES];
    let mut put = |at: usize, bytes: &[u8]| message[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &72_u32.to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &DUMP_REQUEST.to_ne_bytes());
    put(HEADER_BYTES, &[family, TCP]);
    put(HEADER_BYTES + 4, &LISTEN_BIT.to_ne_bytes());
    put(HEADER_BYTES + 8, &port.to_be_bytes());
    message
}

/// Takes the listeners out of one datagram; whether another one follows. Sockets of other ports are
/// left out, because old kernels do not filter a dump by port.
fn parse_answer(mut datagram: &[u8], port: u16, found: &mut Vec<Listener>) -> io::Result<bool> {
    let broken = || io::Error::other("unexpected answer of the kernel");
    while let Some(header) = datagram.first_chunk::<HEADER_BYTES>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let message = datagram.get(..length).filter(|m| m.len() >= HEADER_BYTES).ok_or_else(broken)?;
        match kind {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => return Err(broken()),
            BY_FAMILY => found.extend(listener(message.first_chunk().ok_or_else(broken)?, port)),
            _ => {}
        }
        // Messages are padded to four bytes; the last one may not be.
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

/// One `inet_diag_msg` behind its header.
fn listener(message: &[u8; ANSWER_BYTES], port: u16) -> Option<Listener> {
    let body = &message[HEADER_BYTES..];
    let source = <[u8; 16]>::try_from(&body[8..24]).ok()?;
    let address = match body[0] {
        2 => IpAddr::V4(Ipv4Addr::from(*source.first_chunk()?)),
        10 => IpAddr::V6(Ipv6Addr::from(source)),
        _ => return None,
    };
    let inode = u32::from_ne_bytes(*body[68..].first_chunk()?);
    (body[4..6] == port.to_be_bytes()).then_some(Listener { address, inode: inode.into() })
}

fn read_tables(port: u16) -> io::Result<Vec<Listener>> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let mut found = Vec::new();
    for table in &tables {
        // A machine without IPv6 has no second table.
        let text = table.as_deref().unwrap_or_default();
        found.extend(text.lines().filter_map(|line| parse_row(line, port)));
    }
    let [first, _] = tables;
    first.map(|_| found)
}

/// A row of `/proc/net/tcp{,6}` that listens on `port`: `sl local_address rem_address st … inode`.
fn parse_row(line: &str, port: u16) -> Option<Listener> {
    let mut words = line.split_ascii_whitespace();
    let (address, row_port) = words.nth(1)?.split_once(':')?;
    let listens = words.nth(1)? == "0A" && u16::from_str_radix(row_port, 16).ok()? == port;
    let inode = words.nth(5)?.parse().ok()?;
    listens.then_some(Listener { address: parse_address(address)?, inode })
}

/// The kernel prints an address as 32-bit words of its own byte order.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => word(0).map(|bytes| IpAddr::V4(bytes.into())),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            Some(IpAddr::V6(<[u8; 16]>::try_from(words.concat()).ok()?.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Stopwatch;

    #[test]
    fn real_sockets_on_v4_and_v6_are_found_both_ways() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let socket = TcpListener::bind(address).unwrap();
            let bound = socket.local_addr().unwrap();
            let asked = ask_kernel(bound.port()).unwrap();
            assert_eq!(asked.iter().map(|l| l.address).collect::<Vec<_>>(), [bound.ip()], "{address}");
            assert_eq!(read_tables(bound.port()).unwrap(), asked, "{address}");
            assert_eq!(held_by(std::process::id(), &asked).unwrap(), asked);
            assert_eq!(find_holder(&asked, None), Some(std::process::id()));
            drop(socket);
            // A child that another test starts at this moment holds a copy until its own program begins.
            let closed = Stopwatch::start();
            while !listeners(bound.port()).unwrap().is_empty() {
                assert!(closed.elapsed() < Duration::from_secs(5), "{address} is still there");
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn only_sockets_that_a_local_client_can_meet_are_local() {
        let listener = |text: &str| Listener { address: text.parse().unwrap(), inode: 1 };
        assert!(["127.0.0.1", "0.0.0.0", "::", "::1"].iter().all(|a| listener(a).is_local()));
        assert!(!listener("192.0.2.1").is_local());
    }

    proptest! {
        #[test]
        fn no_answer_or_row_makes_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), line in "[ 0-9A-F:a]{0,160}") {
            let mut found = Vec::new();
            prop_assert!(parse_answer(&bytes, 80, &mut found).is_err() || found.len() <= bytes.len() / ANSWER_BYTES);
            prop_assert!(parse_row(&line, 80).is_none() || line.contains("50"));
        }
    }
}
