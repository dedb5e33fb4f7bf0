//! Facts for other systems: each fact is put into the queue of every webhook that wants it, in the
//! transaction that keeps it, and is sent signed. Codes, times and numbers; no text of a person.

use std::sync::Arc;

use anyhow::ensure;
use bus::notice::Claimed;
use runtime::{
    Context, Role, Secret,
    notify::{self, NotSent, Notice},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::storage;

const WEBHOOKS_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 40;

/// One receiver.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// A code of lower-case letters, digits and dashes.
    pub name: String,
    /// Its https address.
    pub url: String,
    /// What calls are signed with: `whsec_` and 24 to 64 bytes in base64.
    pub secret: Secret,
    /// The facts that it wants, like `answering.v1.AnswerApproved`; none: all.
    #[serde(default)]
    pub facts: Vec<String>,
}

/// Who wants which facts.
#[derive(Clone, Default)]
pub struct Webhooks(Arc<Vec<Webhook>>);

impl Webhooks {
    pub fn try_new(webhooks: Vec<Webhook>) -> anyhow::Result<Self> {
        ensure!(webhooks.len() <= WEBHOOKS_MAX, "there are more than {WEBHOOKS_MAX} webhooks");
        let known: Vec<String> = api::ALL_EVENTS.iter().map(|name| name()).collect();
        for (n, webhook) in webhooks.iter().enumerate() {
            let name = &webhook.name;
            let code = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            let fits = (1..=NAME_CHARS_MAX).contains(&name.len());
            ensure!(code && fits, "a webhook's name '{name}': lower-case letters, digits and dashes");
            ensure!(webhooks[..n].iter().all(|other| other.name != *name), "two webhooks are named {name}");
            let unknown = webhook.facts.iter().find(|fact| !known.contains(fact));
            ensure!(unknown.is_none(), "webhook {name}: there is no fact {unknown:?}");
        }
        Ok(Self(Arc::new(webhooks)))
    }

    /// Has everyone who wants it told of a fact.
    pub async fn tell(
        &self,
        conn: &mut PgConnection,
        event_id: Uuid,
        fact_name: &str,
    ) -> Result<(), sqlx::Error> {
        let wants = |webhook: &&Webhook| {
            webhook.facts.is_empty() || webhook.facts.iter().any(|fact| fact == fact_name)
        };
        for webhook in self.0.iter().filter(wants) {
            let notice = bus::notice::Notice {
                queue: &queue(webhook),
                about: event_id,
                fact: fact_name,
                recipient: &webhook.name,
                repeatable: true,
                content: Value::Null,
            };
            bus::notice::put(conn, &notice).await?;
        }
        Ok(())
    }

    /// Sends what waits, each webhook on its own: a slow one holds up no other.
    pub fn run(&self, ctx: &Context, mut role: Role) -> anyhow::Result<Role> {
        for webhook in self.0.iter() {
            let notifier = notify::Webhook::try_new(&webhook.url, &webhook.secret, ctx.clock.clone())
                .map_err(|error| error.context(format!("webhook {}", webhook.name)))?;
            let (pool, queue) = (ctx.pool.clone(), ctx.notices(queue(webhook)));
            let write = move |claimed| write(pool.clone(), claimed);
            role = role.runs("webhook", notify::run(queue, notifier, write, ctx.shutdown.clone()));
        }
        Ok(role)
    }
}

fn queue(webhook: &Webhook) -> String {
    format!("analytics:{}", webhook.name)
}

async fn write(pool: PgPool, claimed: Claimed) -> Result<Notice, NotSent> {
    let fact = storage::find_fact(&pool, claimed.about).await?;
    let fact = fact.ok_or_else(|| NotSent::Never("FACT_GONE".to_owned()))?;
    Ok(Notice { id: claimed.notice_id, text: body(claimed.about, &fact).to_string(), ..Notice::default() })
}

/// As Standard Webhooks has it: what happened, when, and the rest.
fn body(event_id: Uuid, fact: &Told) -> Value {
    json!({
        "type": fact.name,
        "timestamp": fact.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "data": {
            "eventId": event_id,
            "ticketId": fact.ticket_id,
            "version": fact.version,
            "field": fact.field,
            "unit": fact.unit,
            "kind": fact.kind,
            "reason": fact.reason,
            "band": fact.band,
            "dueAt": fact.due_at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
            "score": fact.score,
            "automatic": fact.automatic,
        },
    })
}

/// A kept fact, as it is told.
#[derive(Debug)]
pub struct Told {
    pub name: String,
    pub ticket_id: Uuid,
    pub version: i64,
    pub at: chrono::DateTime<chrono::Utc>,
    pub field: String,
    pub unit: String,
    pub kind: Option<String>,
    pub reason: Option<String>,
    pub band: Option<String>,
    pub due_at: Option<chrono::DateTime<chrono::Utc>>,
    pub score: Option<i32>,
    pub automatic: bool,
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn webhook(name: &str, facts: &[&str]) -> Webhook {
        Webhook {
            name: name.into(),
            url: "https://he-thong.vn/".into(),
            secret: Secret::default(),
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
        }
    }

    #[test]
    fn a_misspelt_fact_or_a_name_that_is_taken_is_refused() {
        let fact = "answering.v1.AnswerApproved";
        assert!(Webhooks::try_new(vec![webhook("lgsp", &[fact]), webhook("ioc", &[])]).is_ok());
        for wrong in [
            vec![webhook("lgsp", &["answering.v1.AnswerAproved"])],
            vec![webhook("lgsp", &[]), webhook("lgsp", &[])],
            vec![webhook("Trục", &[])],
            vec![webhook("", &[])],
        ] {
            assert!(Webhooks::try_new(wrong).is_err());
        }
    }

    #[test]
    fn a_fact_is_told_in_codes() {
        let fact = Told {
            name: "routing.v1.QuestionRouted".into(),
            ticket_id: Uuid::nil(),
            version: 2,
            at: DateTime::UNIX_EPOCH,
            field: "nguon-luc".into(),
            unit: "vu-ke-hoach".into(),
            kind: Some("KIND_QUESTION".into()),
            reason: None,
            band: None,
            due_at: Some(DateTime::UNIX_EPOCH),
            score: None,
            automatic: false,
        };
        let body = body(Uuid::max(), &fact);
        assert_eq!(body["type"], "routing.v1.QuestionRouted");
        assert_eq!(body["timestamp"], "1970-01-01T00:00:00.000Z");
        assert_eq!(body["data"]["dueAt"], "1970-01-01T00:00:00.000Z");
        assert_eq!((&body["data"]["unit"], &body["data"]["score"]), (&json!("vu-ke-hoach"), &Value::Null));
    }
}
