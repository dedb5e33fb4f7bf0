//! What an asker is written by mail. The texts are data (`data/letters.toml`). Pure.

use std::sync::LazyLock;

use api::{intake::v1::Milestone, routing::v1::WaitsFor};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use runtime::notify;
use serde::{Deserialize, Serialize};

use crate::{
    recall::{Notice, Recall, What},
    ticket::Ticket,
};

/// Whom a letter is for, in the queue of notices: the address stays sealed until it is sent.
pub const ASKER: &str = "asker";
/// Who has the question's code and had this address confirmed.
pub const FOLLOWER: &str = "follower";

/// Where promised dates are meant.
const TIME_ZONE: Tz = chrono_tz::Asia::Ho_Chi_Minh;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "letter")]
    letters: Vec<Template>,
    /// Below the letters to who follows.
    stop: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    code: String,
    subject: String,
    vi: String,
    en: String,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/letters.toml"))
        .expect("data/letters.toml is compiled in and covered by a test")
});

/// A letter that is to be written, in words that are public.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// What happened, with what makes it happen once: `answered:2`.
    #[serde(skip)]
    pub fact: String,
    /// Which template.
    pub code: String,
    pub unit: String,
    pub due_at: Option<DateTime<Utc>>,
    pub reason: String,
    pub answer: String,
}

impl Letter {
    pub fn received() -> Self {
        Self { fact: "received".to_owned(), code: "received".to_owned(), ..Self::default() }
    }

    /// Whoever has the code may have withdrawn it.
    pub fn taken_back() -> Self {
        Self { fact: "taken-back".to_owned(), code: "taken-back".to_owned(), ..Self::default() }
    }

    /// `None`: there is no answer.
    pub fn answered(ticket: &Ticket) -> Option<Self> {
        let answer = ticket.published()?;
        Some(Self {
            fact: format!("answered:{}", ticket.answer_number()),
            code: "answered".to_owned(),
            unit: ticket.custody.unit_name.clone(),
            answer: answer.text.clone(),
            ..Self::default()
        })
    }

    /// Of a deadline that a fact with `version` changed. `None`: a newer fact was heard before, or it is
    /// nothing that the asker is written.
    pub fn of_deadline(ticket: &Ticket, what: Milestone, version: u32) -> Option<Self> {
        let deadline = ticket.present_deadline().filter(|deadline| deadline.version == version)?;
        let letter = Self { unit: ticket.custody.unit_name.clone(), ..Self::default() };
        match what {
            Milestone::Paused if deadline.waits_for() == WaitsFor::Asker => Some(Self {
                fact: format!("asked:{version}"),
                code: "asked".to_owned(),
                reason: deadline.pause_reason.clone(),
                ..letter
            }),
            Milestone::Extended => Some(Self {
                fact: format!("extended:{version}"),
                code: "extended".to_owned(),
                reason: deadline.extension_reason.clone(),
                due_at: api::time(deadline.due_at.as_ref()),
                ..letter
            }),
            _ => None,
        }
    }

    /// Of a passage that the ticket's answer is or rests on.
    pub fn of_recall(recall: &Recall, notice: &Notice) -> Self {
        let (code, answer) = match &recall.what {
            What::Corrected { text } => ("corrected", text.clone()),
            What::Withdrawn => ("withdrawn", String::new()),
        };
        Self {
            fact: format!("{code}:{}:{}", notice.passage_id, notice.version),
            code: code.to_owned(),
            reason: notice.reason.clone(),
            answer,
            ..Self::default()
        }
    }

    /// Of a letter that was kept as JSON; `None`: no template has its code.
    /// `stop` is the link that ends it; empty: there is none.
    pub fn write(&self, code: &str, site_url: &str, stop: &str) -> Option<Written> {
        let template = DATA.letters.iter().find(|template| template.code == self.code)?;
        let due = self.due_at.map(|at| at.with_timezone(&TIME_ZONE).format("%H:%M %d/%m/%Y").to_string());
        let link = format!("{site_url}/theo-doi/{code}");
        let values = [
            ("code", code),
            ("link", &link),
            ("unit", &self.unit),
            ("due", due.as_deref().unwrap_or_default()),
            ("reason", &self.reason),
            ("answer", &self.answer),
            ("stop", stop),
        ];
        let mut text = format!("{}\n\n---\n\n{}\n", template.vi.trim(), template.en.trim());
        if !stop.is_empty() {
            text = format!("{text}\n---\n\n{}\n", DATA.stop.trim());
        }
        let text = notify::fill(&text, &values);
        Some(Written { subject: notify::fill(&template.subject, &values), html: notify::html(&text), text })
    }
}

/// Ready to be sent.
#[derive(Debug)]
pub struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Vec<Letter> {
        let codes = ["received", "answered", "corrected", "withdrawn", "asked", "extended", "taken-back"];
        let letter = |code: &str| Letter {
            code: code.into(),
            unit: "Vụ Pháp chế".into(),
            due_at: Some(DateTime::UNIX_EPOCH),
            reason: "Thiếu {code}".into(),
            answer: "Được.".into(),
            ..Letter::default()
        };
        codes.map(letter).into()
    }

    #[test]
    fn each_letter_has_its_words_in_both_languages_and_a_link() {
        assert_eq!(DATA.letters.len(), letters().len());
        for letter in letters() {
            let written = letter.write("ABCD-EFGH", "https://hoi.vn", "").unwrap();
            assert!(written.subject.starts_with("[ABCD-EFGH] "), "{written:?}");
            let links = written.text.matches("https://hoi.vn/theo-doi/ABCD-EFGH").count();
            assert_eq!(links, 2, "{written:?}");
            let open = written.text.replace("Thiếu {code}", "");
            assert!(!open.contains(['{', '}']), "{open}");
            let followed = letter.write("ABCD-EFGH", "https://hoi.vn", "https://hoi.vn/dung").unwrap();
            assert_eq!(
                followed.text.strip_prefix(&written.text).unwrap().matches("https://hoi.vn/dung").count(),
                1
            );
            assert!(written.html.contains("<a href=\"https://hoi.vn/theo-doi/ABCD-EFGH\">"), "{written:?}");
        }
        assert!(
            Letter { code: "song".into(), ..Letter::default() }.write("A", "https://hoi.vn", "").is_none()
        );
    }

    #[test]
    fn an_officers_words_are_no_template() {
        let asked = &letters()[4];
        assert!(asked.write("ABCD", "https://hoi.vn", "").unwrap().text.contains("Thiếu {code}"));
    }

    #[test]
    fn dates_are_the_countrys() {
        let extended = &letters()[5];
        assert!(extended.write("A", "https://hoi.vn", "").unwrap().text.contains("08:00 01/01/1970"));
    }
}
