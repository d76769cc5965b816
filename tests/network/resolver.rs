//! A name server and a host that asks nobody else: the test's own mount namespace has files of its own for that.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::network::run;

/// A name server that answers every question about a name in the same way, which may change.
pub(crate) struct NameServer {
    answer: Arc<Mutex<Answer>>,
    questions: Arc<Mutex<BTreeSet<u16>>>,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Nothing.
    Silence,
    /// There is no such name.
    Nobody,
    /// These are its IPv4 addresses; it has no others.
    Addrs(Vec<Ipv4Addr>),
}

impl NameServer {
    /// Starts it, and makes it the only one that is asked in this test.
    pub(crate) fn start(answer: Answer) -> Self {
        put_in_place("/etc/resolv.conf", &format!("nameserver {NAME_SERVER}\n"));
        // Some systems ask a service of theirs first, which lives outside.
        put_in_place("/etc/nsswitch.conf", "hosts: files dns\n");
        let socket = UdpSocket::bind((NAME_SERVER, 53)).expect("nobody else is here");
        let server = Self {
            answer: Arc::new(Mutex::new(answer)),
            questions: Arc::default(),
        };
        let (answer, questions) = (Arc::clone(&server.answer), Arc::clone(&server.questions));
        thread::spawn(move || {
            let mut room = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut room) {
                let question = &room[..length];
                lock(&questions).insert(u16::from_be_bytes([question[0], question[1]]));
                let answer = lock(&answer).clone();
                reply(&socket, from, question, &answer);
            }
        });
        server
    }

    /// From now on it answers that.
    pub(crate) fn change(&self, answer: Answer) {
        *lock(&self.answer) = answer;
    }

    /// How many different questions have come. A resolver that hears nothing asks the same one again, and a look-up is
    /// two questions: one for each family of addresses.
    pub(crate) fn questions(&self) -> usize {
        lock(&self.questions).len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one question (RFC 1035, section 4): its header, the question itself, and addresses.
fn reply(socket: &UdpSocket, to: SocketAddr, question: &[u8], answer: &Answer) {
    let (code, addrs) = match answer {
        Answer::Silence => return,
        Answer::Nobody => (NAME_ERROR, &[][..]),
        Answer::Addrs(addrs) => (NO_ERROR, &addrs[..]),
    };
    let name = question[HEADER..].iter().position(|byte| *byte == 0);
    let kind = HEADER + name.expect("a name ends with its root") + 1;
    let is_ipv4 = question[kind..kind + 2] == TYPE_A;
    let addrs = if is_ipv4 { addrs } else { &[] };
    let mut bytes = question[..2].to_vec();
    bytes.extend([RESPONSE_AND_RECURSION, RECURSION_AVAILABLE | code, 0, 1, 0]);
    bytes.push(u8::try_from(addrs.len()).expect("a few addresses"));
    bytes.extend([0; 4]);
    bytes.extend(&question[HEADER..kind + 4]);
    for addr in addrs {
        bytes.extend(NAME_OF_THE_QUESTION);
        bytes.extend(TYPE_A);
        // Class IN; valid for no time at all; four bytes follow.
        bytes.extend([0, 1, 0, 0, 0, 0, 0, 4]);
        bytes.extend(addr.octets());
    }
    socket.send_to(&bytes, to).expect("the program is there");
}

/// Puts a text in the place of a file, for this test only.
fn put_in_place(path: &str, text: &str) {
    // The process has the number 1, like that of every other test; its network has a number of its own.
    let network = fs::read_link("/proc/thread-self/ns/net").expect("it has a network");
    let name = format!("fanout-{}{}", network.display(), path.replace('/', "-"));
    let own = env::temp_dir().join(name);
    fs::write(&own, text).expect("there is a place for temporary files");
    run(&format!("mount --bind {} {path}", own.display()));
    fs::remove_file(&own).expect("it is mounted, and needs no name of its own");
}

/// Where the name server is.
const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 8, 1, 53);

const HEADER: usize = 12;
const RESPONSE_AND_RECURSION: u8 = 0x81;
const RECURSION_AVAILABLE: u8 = 0x80;
const NO_ERROR: u8 = 0;
const NAME_ERROR: u8 = 3;
const TYPE_A: [u8; 2] = [0, 1];
/// A pointer to the name at the end of the header.
const NAME_OF_THE_QUESTION: [u8; 2] = [0xc0, 12];
