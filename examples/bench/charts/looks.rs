//! How a server looks: the same in every chart.
//!
//! The colour says what kind of server it is and the marker which one, so that no two of them look alike, whoever
//! looks: the colours are those of Okabe and Ito, made to be told apart with every kind of colour blindness, and
//! nothing is said by colour alone. Their yellow is left out: it cannot be seen on white.

use plotters::style::{RGBColor, WHITE};

/// Colour, marker and weight of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) colour: RGBColor,
    /// Of the inside of the marker.
    pub(crate) filling: RGBColor,
    pub(crate) marker: Marker,
    /// Of the line, in pixels.
    pub(crate) width: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
}

impl Look {
    /// A server that nobody has heard of is grey.
    pub(crate) fn of(server: &str) -> Self {
        let width = if server == OURS { 5 } else { 2 };
        let found = FAMILIES.iter().find_map(|(colour, filling, members)| {
            let place = members.iter().position(|member| *member == server)?;
            Some((*colour, *filling, MARKERS[place]))
        });
        let (colour, filling, marker) = found.unwrap_or((GREY, GREY, Marker::Circle));
        Self {
            colour,
            filling,
            marker,
            width,
        }
    }

    /// Of the marker, in pixels.
    pub(crate) fn radius(self) -> i32 {
        if self.width > 2 { 6 } else { 4 }
    }
}

/// The server that all of this is about.
pub(crate) const OURS: &str = "fanout";

pub(crate) const BLACK: RGBColor = RGBColor(0, 0, 0);
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const GREY: RGBColor = RGBColor(110, 110, 110);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(crate) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(crate) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(crate) const VERMILION: RGBColor = RGBColor(213, 94, 0);

const MARKERS: [Marker; 4] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
];

/// Who belongs together, at most as many as there are markers, with their colour and the filling of their markers.
pub(crate) const FAMILIES: &[(RGBColor, RGBColor, &[&str])] = &[
    (VERMILION, VERMILION, &[OURS]),
    (BLACK, BLACK, &["send-floor"]),
    (
        BLUE,
        BLUE,
        &["thread-per-client", "message-passing", "shared-log-threads"],
    ),
    (GREEN, GREEN, &["minimal-reactor", "own-executor"]),
    (SKY, SKY, &["tokio-broadcast", "tokio-current-thread"]),
    // To whom green and red are the same, purple and green are alike too.
    (
        PURPLE,
        WHITE,
        &["go", "cpp", "python-threads", "python-asyncio"],
    ),
    (ORANGE, ORANGE, &["ncat", "str2str", "redis", "nats"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_servers_look_alike_and_ours_is_the_thickest() {
        let servers: Vec<&str> = FAMILIES
            .iter()
            .flat_map(|(_, _, members)| *members)
            .copied()
            .collect();
        assert_eq!(servers.len(), 17);
        let looks: Vec<Look> = servers.iter().map(|server| Look::of(server)).collect();
        for (place, look) in looks.iter().enumerate() {
            let twin = looks[..place].iter().position(|other| other == look);
            assert_eq!(twin.map(|twin| servers[twin]), None, "{}", servers[place]);
            let is_ours = servers[place] == OURS;
            assert!(
                is_ours || look.width < Look::of(OURS).width,
                "{}",
                servers[place]
            );
        }
    }

    #[test]
    fn a_stranger_is_grey() {
        assert_eq!(Look::of("somebody").colour, GREY);
    }
}
