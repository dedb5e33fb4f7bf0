//! Writes to units, and of what is long overdue to their leaders, where the rules name a mailbox: once for each step,
//! put into the queue in the step's own transaction.

use std::sync::LazyLock;

use api::TicketId;
use bus::notice::Claimed;
use chrono::{DateTime, Utc};
use runtime::notify::{self, NotSent, Notice};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::{assignment::Assignment, deadline::Step, registrar::Registrar, service::Routing};

/// The queue of letters about deadlines.
pub const QUEUE: &str = "routing";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "letter")]
    letters: Vec<Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    code: String,
    subject: String,
    text: String,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/letters.toml"))
        .expect("data/letters.toml is compiled in and covered by a test")
});

/// A letter that is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Letter {
    step: Step,
    /// Its code, by which the mailbox is found when it is sent.
    unit: String,
    unit_name: String,
    /// Empty: nobody is named.
    leader: String,
    due_at: DateTime<Utc>,
}

impl Routing {
    /// Has the unit written of a step, or its leader, if mail is on and the rules name a mailbox.
    pub async fn write_of_step(
        &self,
        conn: &mut PgConnection,
        assignment: &Assignment,
        step: Step,
    ) -> Result<(), sqlx::Error> {
        let mailbox = self.rules.mailbox(&assignment.unit);
        if self.mailer.is_none() || mailbox.is_none_or(|mailbox| mailbox.of(step).is_empty()) {
            return Ok(());
        }
        let unit = self.organisation.unit(&assignment.unit);
        let letter = Letter {
            step,
            unit: assignment.unit.clone(),
            unit_name: unit.map(|unit| unit.name.clone()).unwrap_or_default(),
            leader: self.organisation.leader(&assignment.unit).to_owned(),
            due_at: assignment.deadline.due_at,
        };
        let content = serde_json::to_value(letter).map_err(|error| sqlx::Error::Encode(error.into()))?;
        // The deadline's version is another one after each step.
        let fact = format!("{}:{}", step.name(), assignment.deadline.version);
        let notice = bus::notice::Notice {
            queue: QUEUE,
            about: assignment.ticket_id.0,
            fact: &fact,
            recipient: &assignment.unit,
            repeatable: false,
            content,
        };
        bus::notice::put(conn, &notice).await
    }
}

impl Registrar {
    /// Sends letters until `shutdown`; nothing to do where mail is off.
    pub async fn run_letters(self, queue: notify::Queue, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Some(mailer) = self.routing().mailer.clone() else { return Ok(()) };
        let site_url = mailer.site_url().to_owned();
        let write = |claimed: Claimed| {
            let (routing, site_url) = (self.routing(), &site_url);
            async move { routing.write_letter(&claimed, site_url) }
        };
        notify::run(queue, mailer, write, shutdown).await
    }
}

impl Routing {
    fn write_letter(&self, claimed: &Claimed, site_url: &str) -> Result<Notice, NotSent> {
        let never = |code: &str| NotSent::Never(code.to_owned());
        let letter: Letter =
            serde_json::from_value(claimed.content.clone()).map_err(|_| never("CONTENT_NOT_VALID"))?;
        let mailbox = self.rules.mailbox(&letter.unit).ok_or_else(|| never("MAILBOX_GONE"))?;
        let due = self.rules.calendar.local(letter.due_at).format("%H:%M %d/%m/%Y").to_string();
        let link = format!("{site_url}/can-bo/phieu/{}", TicketId(claimed.about));
        let (subject, text) = letter.words(&due, &link).ok_or_else(|| never("LETTER_UNKNOWN"))?;
        Ok(Notice {
            id: claimed.notice_id,
            to: mailbox.of(letter.step).to_vec(),
            subject,
            html: notify::html(&text),
            text,
            ..Notice::default()
        })
    }
}

impl Letter {
    /// Subject and text. `None`: there is no such letter.
    fn words(&self, due: &str, link: &str) -> Option<(String, String)> {
        let template = DATA.letters.iter().find(|letter| letter.code == self.step.name())?;
        let leader = if self.leader.is_empty() { &self.unit_name } else { &self.leader };
        let values = [("unit", self.unit_name.as_str()), ("leader", leader), ("due", due), ("link", link)];
        Some((notify::fill(&template.subject, &values), notify::fill(template.text.trim(), &values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_words_in_both_languages() {
        let steps = [Step::Near, Step::FirstResponseMissed, Step::Due, Step::Escalated];
        assert_eq!(DATA.letters.len(), steps.len());
        for step in steps {
            let letter = Letter {
                step,
                unit: "law".into(),
                unit_name: "Vụ Pháp chế".into(),
                leader: "Vụ trưởng".into(),
                due_at: DateTime::UNIX_EPOCH,
            };
            let (subject, text) = letter.words("17:00 03/03/2026", "https://hoi.example/x").unwrap();
            assert!(!subject.contains('{') && !text.contains(['{', '}']), "{text}");
            assert_eq!(text.matches("https://hoi.example/x").count(), 2);
            assert_eq!(text.contains("Vụ trưởng"), step == Step::Escalated);
        }
    }
}
