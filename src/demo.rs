//! The demo: an embedded server A, for a first look without one's own.
//!
//! Like a real one it serves one client at a time, on a thread of its own: ten frames a second,
//! numbered, and made of lines that can be read in a terminal.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two frames.
const INTERVAL: Duration = Duration::from_millis(100);

/// Starts server A on a port of the system's choice, and says where it is.
///
/// # Errors
/// When the system refuses the socket or the thread.
pub(crate) fn start(frame_size: usize) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    thread::Builder::new()
        .name("demo".to_owned())
        .spawn(move || serve(&listener, frame_size))?;
    Ok(addr)
}

fn serve(listener: &TcpListener, frame_size: usize) {
    let mut number = 0;
    for client in listener.incoming().flatten() {
        // A client that leaves makes room for the next one.
        let _ = send_frames(client, frame_size, &mut number);
    }
}

fn send_frames(mut client: TcpStream, frame_size: usize, number: &mut u64) -> io::Result<()> {
    let mut due = Instant::now();
    loop {
        *number += 1;
        client.write_all(&frame(*number, frame_size))?;
        due += INTERVAL;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// One frame: lines of 64 bytes, the last one shorter if need be, each with the frame's number.
fn frame(number: u64, size: usize) -> Vec<u8> {
    let label = format!("frame {number} ").into_bytes();
    let mut bytes = vec![b'.'; size];
    for line in bytes.chunks_mut(LINE_BYTES) {
        let shown = label.len().min(line.len());
        line[..shown].copy_from_slice(&label[..shown]);
        line[line.len() - 1] = b'\n';
    }
    bytes
}

const LINE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_frame_has_its_size_its_number_and_lines_that_fit_a_terminal() {
        for size in [1, 2, 64, 100, 1024, 5000] {
            assert_eq!(frame(7, size).len(), size);
        }
        let text = String::from_utf8(frame(42, 1024)).unwrap();
        assert!(text.starts_with("frame 42 ...."));
        assert!(text.ends_with('\n'));
        assert_eq!(text.lines().count(), 16);
        assert!(text.lines().all(|line| line.len() == 63));
        assert!(text.lines().all(|line| line.starts_with("frame 42 ....")));
    }

    #[test]
    fn a_client_that_leaves_makes_room_for_the_next_and_numbers_go_on() {
        let addr = start(64).unwrap();
        let mut last = 0;
        for _ in 0..3 {
            let mut client = TcpStream::connect(addr).unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            let mut received = [0; 64];
            client.read_exact(&mut received).expect("it is served");
            let text = String::from_utf8_lossy(&received);
            let number = text.split(' ').nth(1).and_then(|word| word.parse().ok());
            let number: u64 = number.expect("a numbered frame");
            assert!(number > last, "{number} after {last}");
            last = number;
        }
    }
}
