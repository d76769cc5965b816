//! When frames are due, and what stamp they bear.
//!
//! A frame's stamp is the moment its write began. When the source runs late because an earlier write was held up, the
//! stamp is the moment the frame was *due*: a server that stops reading cannot hide the wait it caused. Time comes in
//! as a value.

/// What the source does until the next order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pace {
    Silent,
    FlatOut,
    /// A burst every so often.
    Paced(Rhythm),
    /// As fast as it goes for so many frames; then "sent" and silence.
    Burst {
        left: u64,
    },
}

/// `burst` frames every `interval_ns`, at least 1 of either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rhythm {
    interval_ns: u64,
    burst: u64,
    /// When the next burst has to be sent; `None` before the first.
    due_ns: Option<u64>,
    /// Frames of the burst under way that are still to be sent, all with this stamp.
    left: u64,
    stamp_ns: u64,
    /// Whether the source was there before the next burst was due.
    was_early: bool,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing until then, or until another order.
    Wait(Option<u64>),
    /// So many frames with this stamp.
    Send { frames: u64, sent_at_ns: u64 },
    /// To say that a burst has been sent.
    Answer,
}

impl Pace {
    /// So many frames a second in bursts of so many; 0 is as fast as they are taken.
    pub(crate) fn of(rate: u64, burst: u64) -> Self {
        if rate == 0 {
            return Self::FlatOut;
        }
        let interval_ns = u128::from(burst) * 1_000_000_000 / u128::from(rate);
        Self::Paced(Rhythm {
            interval_ns: u64::try_from(interval_ns).unwrap_or(u64::MAX).max(1),
            burst,
            due_ns: None,
            left: 0,
            stamp_ns: 0,
            was_early: false,
        })
    }

    /// The pace that an order demands.
    pub(crate) fn ordered(order: &str) -> Result<Self, String> {
        let (verb, number) = order.split_once(' ').unwrap_or((order, ""));
        let unknown = || format!("the source does not know the order {order:?}");
        match (verb, number) {
            ("silent", "") => Ok(Self::Silent),
            ("flat-out", "") => Ok(Self::FlatOut),
            ("rate", number) => number
                .parse()
                .map(|rate| Self::of(rate, 1))
                .map_err(|_| unknown()),
            ("burst", number) => number
                .parse()
                .map(|left| Self::Burst { left })
                .map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }

    /// What is to be done now; at most so many frames at once.
    pub(crate) fn next(&mut self, now_ns: u64, most: u64) -> Step {
        match self {
            Self::Silent => Step::Wait(None),
            Self::FlatOut => Step::Send {
                frames: most,
                sent_at_ns: now_ns,
            },
            Self::Paced(rhythm) => rhythm.next(now_ns, most),
            Self::Burst { left: 0 } => {
                *self = Self::Silent;
                Step::Answer
            }
            Self::Burst { left } => {
                let frames = most.min(*left);
                *left -= frames;
                Step::Send {
                    frames,
                    sent_at_ns: now_ns,
                }
            }
        }
    }

    /// Begins anew: nothing was due while nobody was there to have it.
    pub(crate) fn restart(&mut self) {
        if let Self::Paced(rhythm) = self {
            rhythm.due_ns = None;
            rhythm.left = 0;
        }
    }

    /// Takes back frames of the last step: they were not sent after all.
    pub(crate) fn give_back(&mut self, frames: u64) {
        match self {
            Self::Paced(rhythm) => rhythm.left += frames,
            Self::Burst { left } => *left += frames,
            Self::Silent | Self::FlatOut => {}
        }
    }
}

impl Rhythm {
    fn next(&mut self, now_ns: u64, most: u64) -> Step {
        if self.left == 0 {
            let due_ns = *self.due_ns.get_or_insert(now_ns);
            if now_ns < due_ns {
                self.was_early = true;
                return Step::Wait(Some(due_ns));
            }
            // Woken by the clock, the write begins now; otherwise something else has taken the time since it was due.
            self.stamp_ns = if self.was_early { now_ns } else { due_ns };
            self.was_early = false;
            self.due_ns = Some(due_ns + self.interval_ns);
            self.left = self.burst;
        }
        let frames = most.min(self.left);
        self.left -= frames;
        Step::Send {
            frames,
            sent_at_ns: self.stamp_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn send(frames: u64, sent_at_ns: u64) -> Step {
        Step::Send { frames, sent_at_ns }
    }

    #[test]
    fn a_frame_on_time_bears_the_moment_it_is_sent() {
        let mut pace = Pace::of(1000, 1);
        assert_eq!(pace.next(5 * SECOND_NS, 128), send(1, 5 * SECOND_NS));
        let due_ns = 5 * SECOND_NS + 1_000_000;
        assert_eq!(pace.next(5 * SECOND_NS + 10, 128), Step::Wait(Some(due_ns)));
        // The clock woke it 60 us late.
        assert_eq!(pace.next(due_ns + 60_000, 128), send(1, due_ns + 60_000));
    }

    #[test]
    fn a_frame_that_was_held_up_bears_the_moment_it_was_due() {
        let mut pace = Pace::of(1000, 1);
        pace.next(0, 128);
        for due_ms in 1..=3 {
            assert_eq!(pace.next(3_500_000, 128), send(1, due_ms * 1_000_000));
        }
        assert_eq!(pace.next(3_500_000, 128), Step::Wait(Some(4_000_000)));
    }

    #[test]
    fn a_second_has_as_many_frames_as_the_rate_says() {
        for (rate, burst) in [
            (1000, 1),
            (7, 1),
            (1000, 50),
            (3, 10),
            (100_000, 1),
            (100, 300),
        ] {
            let mut pace = Pace::of(rate, burst);
            let (mut now_ns, mut frames, mut largest) = (0, 0, 0);
            while now_ns < 30 * SECOND_NS {
                match pace.next(now_ns, 128) {
                    Step::Send { frames: more, .. } => frames += more,
                    Step::Wait(Some(due_ns)) => {
                        largest = largest.max(due_ns - now_ns);
                        now_ns = due_ns;
                    }
                    step => panic!("{step:?}"),
                }
            }
            let wanted = rate * 30;
            assert!(frames.abs_diff(wanted) <= burst, "{rate}/{burst}: {frames}");
            assert_eq!(largest, SECOND_NS * burst / rate, "{rate}/{burst}");
        }
    }

    #[test]
    fn a_burst_that_does_not_fit_goes_out_in_parts_with_one_stamp() {
        let mut pace = Pace::of(1000, 300);
        for (now_ns, frames) in [(50, 128), (60, 128), (70, 44)] {
            assert_eq!(pace.next(now_ns, 128), send(frames, 50));
        }
        assert_eq!(pace.next(80, 128), Step::Wait(Some(300_000_050)));
    }

    #[test]
    fn nothing_is_due_while_nobody_is_there() {
        let mut pace = Pace::of(1000, 1);
        pace.next(0, 128);
        pace.restart();
        assert_eq!(pace.next(60 * SECOND_NS, 128), send(1, 60 * SECOND_NS));
        let due_ns = 60 * SECOND_NS + 1_000_000;
        assert_eq!(pace.next(60 * SECOND_NS, 128), Step::Wait(Some(due_ns)));
    }

    #[test]
    fn an_ordered_burst_is_answered_when_all_of_it_is_sent_and_then_there_is_silence() {
        let mut pace = Pace::ordered("burst 200").unwrap();
        assert_eq!(pace.next(1, 128), send(128, 1));
        assert_eq!(pace.next(2, 128), send(72, 2));
        pace.give_back(2);
        assert_eq!(pace.next(3, 128), send(2, 3));
        assert_eq!(pace.next(4, 128), Step::Answer);
        assert_eq!(pace.next(5, 128), Step::Wait(None));
    }

    #[test]
    fn orders_are_obeyed_to_the_letter() {
        assert_eq!(Pace::ordered("silent"), Ok(Pace::Silent));
        assert_eq!(Pace::ordered("flat-out"), Ok(Pace::FlatOut));
        assert_eq!(Pace::ordered("rate 50"), Ok(Pace::of(50, 1)));
        assert_eq!(Pace::ordered("rate 0"), Ok(Pace::FlatOut));
        for order in [
            "", "faster", "rate", "rate -1", "burst", "burst x", "silent 3", "rate 1 2",
        ] {
            assert!(Pace::ordered(order).unwrap_err().contains(order), "{order}");
        }
    }
}
