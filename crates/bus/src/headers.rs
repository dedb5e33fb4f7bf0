//! CloudEvents 1.0 attributes as NATS headers (binary mode), and what we need back from them.

use async_nats::{HeaderMap, jetstream::message::PublishMessage};
use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

/// Of every event's data.
pub const CONTENT_TYPE: &str = "application/json";

/// An event as it is on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    pub event_id: Uuid,
    pub name: String,
    pub ticket_id: String,
    pub occurred_at: DateTime<Utc>,
    pub traceparent: Option<String>,
}

impl Envelope {
    /// `message_id` is what the stream removes duplicates by.
    pub fn publish(&self, message_id: &str, payload: Vec<u8>) -> PublishMessage {
        let mut message = PublishMessage::build().message_id(message_id).payload(payload.into());
        let service = self.name.split('.').next().unwrap_or_default();
        let mut attributes = vec![
            ("ce-specversion", "1.0".to_owned()),
            ("ce-id", self.event_id.to_string()),
            ("ce-type", self.name.clone()),
            ("ce-source", format!("/motcua/{service}")),
            ("ce-subject", self.ticket_id.clone()),
            ("ce-time", self.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
            ("content-type", CONTENT_TYPE.to_owned()),
        ];
        attributes.extend(self.traceparent.clone().map(|value| ("traceparent", value)));
        for (name, value) in attributes {
            message = message.header(name, value.as_str());
        }
        message
    }

    /// Reads what is there; a message without our headers gets an id of its place in the stream,
    /// so that it, too, can become a dead letter exactly once.
    pub fn read(
        headers: Option<&HeaderMap>,
        subject: &str,
        stream_sequence: u64,
        now: DateTime<Utc>,
    ) -> Self {
        let get = |name: &str| headers.and_then(|h| h.get(name)).map(|v| v.as_str().to_owned());
        let name = subject.strip_prefix("evt.").unwrap_or(subject).to_owned();
        Self {
            event_id: get("ce-id")
                .and_then(|id| Uuid::parse_str(&id).ok())
                .unwrap_or_else(|| Uuid::from_u64_pair(0x006d_6f74_6375_8000, stream_sequence)),
            name,
            ticket_id: get("ce-subject").unwrap_or_default(),
            occurred_at: get("ce-time")
                .and_then(|t| DateTime::parse_from_rfc3339(&t).ok())
                .map_or(now, |t| t.with_timezone(&Utc)),
            traceparent: get("traceparent"),
        }
    }
}
