//! The play of which every number is known: upstreams that come to nothing and one that is lost, clients that read,
//! that do not, that leave, that are skipped over and thrown out.

use std::net::SocketAddr;

use serde_json::json;

use crate::figures::Figures;
use crate::harness::upstream::Closed;
use crate::harness::{Fanout, Feed, Reader, Upstream, line};
use crate::watched::{ADMIN, DEPARTED, admin_of, json, number, wait_for};

const FRAME_SIZE: usize = 1_000;
pub(crate) const FRAME: u64 = FRAME_SIZE as u64;
pub(crate) const BACKLOG: u64 = 200;

/// A program whose first three upstreams come to nothing: one refuses, one cannot be reached, one never answers.
pub(crate) struct Play {
    pub(crate) fanout: Fanout,
    pub(crate) admin: SocketAddr,
    pub(crate) feed: Feed,
    /// Where it goes when the first one that serves it is lost.
    pub(crate) spare: Upstream,
    /// Clients that read whatever comes.
    pub(crate) readers: Vec<Reader>,
    /// What clients that are over with had been given: frames, and bytes.
    pub(crate) given: (u64, u64),
    /// Frames that were published to those.
    pub(crate) published: u64,
}

impl Play {
    pub(crate) fn begin() -> Self {
        let refusing = Closed::reserve();
        let (deaf, waiting) = Closed::reserve().open_deaf();
        let first = Upstream::with_frame_size(FRAME_SIZE);
        let spare = Upstream::with_frame_size(FRAME_SIZE);
        let options = format!(
            "{ADMIN} --connect-timeout 1s --backlog {BACKLOG} --unsent-limit 16KiB --stall-timeout 0 --stale-after 0 \
             -l 127.0.0.1:0 -l 127.0.0.1:0,slow=skip -l 127.0.0.1:0,max-clients=1 {} 255.255.255.255:9 {} {}",
            refusing.addr(),
            deaf.local_addr().expect("it is bound"),
            first.addr()
        );
        let fanout = Fanout::start(&spare, &options);
        let feed = first.accept();
        fanout.wait_for_line("upstream connected");
        drop(waiting);
        Self {
            admin: admin_of(&fanout),
            fanout,
            feed,
            spare,
            readers: Vec::new(),
            given: (0, 0),
            published: 0,
        }
    }

    pub(crate) fn join(&self, place: usize) -> Reader {
        self.fanout
            .joined(Reader::connect(listener(&self.fanout, place), FRAME_SIZE))
    }

    pub(crate) fn join_small(&self, place: usize) -> Reader {
        self.fanout.joined(Reader::connect_small(
            listener(&self.fanout, place),
            FRAME_SIZE,
        ))
    }

    pub(crate) fn step(&mut self, count: u64) {
        for _ in 0..count {
            self.feed.send(1);
            for reader in &mut self.readers {
                reader.read_to(self.feed.next() - 1);
            }
        }
    }

    /// A client has read all that was published to it, or was skipped over it.
    pub(crate) fn account(&mut self, reader: &Reader) {
        self.given.0 += reader.frames();
        self.given.1 += reader.frames() * FRAME;
        self.published += reader.frames() + reader.missing();
    }

    /// A client that reads nothing is thrown out; returns how many frames it had not been given.
    pub(crate) fn throw_one_out(&mut self) -> u64 {
        let mut slow = self.join_small(0);
        let joined = self.feed.next();
        let departed = format!("{DEPARTED}{{reason=\"slow\"}}");
        while Figures::of(self.admin).count(&departed) == 0 {
            self.step(1);
        }
        let left = json(self.admin, "/departed.json")["departed"][0].clone();
        assert_eq!(
            (&left["reason"], &left["addr"]),
            (&json!("slow"), &json!(slow.addr().to_string()))
        );
        let (frames, bytes) = (number(&left["frames"]), number(&left["bytes"]));
        let published = self.feed.next() - joined;
        assert_eq!(published - frames, BACKLOG + 1, "{left}");
        assert_eq!(bytes / FRAME, frames, "{left}");
        slow.expect_reset();
        assert!(slow.frames() <= frames);
        self.given.0 += frames;
        self.given.1 += bytes;
        self.published += published;
        published - frames
    }

    /// A client on the listener that skips reads nothing for a while, and then along with the others.
    pub(crate) fn skip_one(&mut self) {
        let mut skipped = self.join_small(1).counting_gaps();
        self.step(500);
        // It reads again, and a frame that is published from now on reaches it.
        self.step(1);
        skipped.read_to(self.feed.next() - 1);
        assert!(
            skipped.missing() > 0,
            "500 frames do not fit into a backlog of {BACKLOG}"
        );
        self.readers.push(skipped);
    }

    /// Server A is lost inside a frame, and the spare one goes on with it: nobody was sent any of it.
    pub(crate) fn lose_upstream(mut self, begun: usize) -> Self {
        let bytes = self.feed.next() * FRAME + begun as u64;
        self.feed.begin_frame(begun);
        wait_for(self.admin, "fanout_upstream_bytes_total", bytes);
        let next = self.feed.next() - 1;
        drop(self.feed);
        let feed = self.spare.accept().starting_at(next);
        Self { feed, ..self }
    }
}

/// The address of the listener at this place of the command line.
pub(crate) fn listener(fanout: &Fanout, place: usize) -> SocketAddr {
    line::addr(&fanout.wait_for_lines("listening addr=*slow=", 3)[place])
}
