//! Answers: which path says what.
//!
//! Layer: reactor. Owns the list of paths. What is said is found in the files beside this one, and worded in
//! [`crate::admin`].

use std::time::Duration;

use serde::Serialize;

use super::scene::{Facts, Scene};
use super::{figures, rows, status};
use crate::admin::exposition::CONTENT_TYPE;
use crate::admin::head::Request;
use crate::admin::query::ClientsQuery;
use crate::admin::response::{Response, Status};

/// The page: all of it.
const PAGE: &str = include_str!("../../admin/page.html");

/// Answers one request.
pub(super) fn respond(
    request: &Request,
    facts: &Facts,
    scene: &Scene<'_>,
    now: Duration,
) -> Response {
    match request.path.as_str() {
        "/" => Response::html(PAGE),
        "/metrics" => Response::ok(CONTENT_TYPE, figures::render(facts, scene, now)),
        "/status.json" => {
            let looked = status::look(facts, scene, now);
            json(&status::view(&looked, facts, scene, now))
        }
        "/clients.json" => match ClientsQuery::parse(&request.query) {
            Ok(query) => json(&rows::page(query, facts, scene, now)),
            Err(error) => Response::refusal(Status::BadRequest, &error.to_string()),
        },
        "/departed.json" => json(&rows::departures(facts, scene, now)),
        "/healthz" => Response::text(Status::Ok, "ok"),
        "/readyz" => match facts.obstacle(scene, now) {
            None => Response::text(Status::Ok, "ready"),
            Some(reason) => {
                Response::text(Status::ServiceUnavailable, &format!("not ready: {reason}"))
            }
        },
        _ => Response::refusal(Status::NotFound, "there is no such path"),
    }
}

fn json(view: &impl Serialize) -> Response {
    match serde_json::to_vec(view) {
        Ok(body) => Response::json(body),
        // It fails on keys that are no texts; there are none.
        Err(error) => Response::refusal(Status::ServiceUnavailable, &error.to_string()),
    }
}
