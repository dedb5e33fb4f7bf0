//! A question driven through all its steps, from wherever it is, however often it is interrupted.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::{Rest, question};

/// One asker's question, and what is known of it.
pub struct Journey {
    submission: Value,
    pub ticket: Option<(String, String)>,
}

/// How far a step brought it.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nobody answered: the platform is away.
    Away,
    /// Something is under way; look again.
    Waiting,
    /// Asked, answered, rated low, reopened, answered again, rated high.
    Done,
}

impl Journey {
    pub fn new(text: &str) -> Self {
        Self { submission: question(text), ticket: None }
    }

    /// Does the next thing that an asker or an officer would do.
    pub async fn step(&mut self, asker: &Rest, officer: &Rest) -> Step {
        self.try_step(asker, officer).await.unwrap_or(Step::Away)
    }

    async fn try_step(&mut self, asker: &Rest, officer: &Rest) -> Option<Step> {
        let Some((ticket_id, code)) = &self.ticket else {
            let body = self.submission.to_string().into_bytes();
            let reply = asker.send(Method::POST, "/api/v1/questions", Some(body)).await?;
            if reply.status.is_success() {
                let json = reply.json();
                self.ticket = Some((text(&json["ticketId"]), text(&json["trackingCode"])));
            }
            return Some(Step::Waiting);
        };
        let reply = asker.send(Method::GET, &format!("/api/v1/questions/{code}"), None).await?;
        if !reply.status.is_success() {
            return Some(Step::Waiting);
        }
        let seen = reply.json();
        match seen["state"].as_str()? {
            "TICKET_STATE_CLOSED" => return Some(Step::Done),
            "TICKET_STATE_ANSWERED" => {
                let first = !seen["timeline"].to_string().contains("MILESTONE_REOPENED");
                let rating = if first {
                    json!({"score": 2, "comment": "Tôi chưa rõ"})
                } else {
                    json!({"score": 5})
                };
                let path = format!("/api/v1/questions/{code}/rating");
                asker.send(Method::POST, &path, Some(rating.to_string().into_bytes())).await?;
            }
            _ => {
                let reply = officer.send(Method::GET, &format!("/api/v1/tickets/{ticket_id}"), None).await?;
                if reply.status.is_success() && reply.json()["state"] == "ANSWER_STATE_DRAFTED" {
                    let version = &reply.json()["draft"]["version"];
                    let body = json!({"text": format!("Trả lời {ticket_id}"), "version": version});
                    let path = format!("/api/v1/tickets/{ticket_id}/approve");
                    officer.send(Method::POST, &path, Some(body.to_string().into_bytes())).await?;
                }
            }
        }
        Some(Step::Waiting)
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
