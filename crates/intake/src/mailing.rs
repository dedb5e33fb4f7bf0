//! What subscribers are written by mail, and of what. The texts are data (`data/mailings.toml`). Pure.

use std::sync::LazyLock;

use api::TicketId;
use runtime::notify;
use serde::{Deserialize, Serialize};

/// Whom it is for, in the queue of notices.
pub const SUBSCRIBER: &str = "subscriber";

/// Characters of an answer that a mail repeats.
const EXCERPT: usize = 2_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "mailing")]
    mailings: Vec<Template>,
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
    toml::from_str(include_str!("../data/mailings.toml"))
        .expect("data/mailings.toml is compiled in and covered by a test")
});

/// What a subscription is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A published answer, by its id.
    Answer(String),
    /// A field, by its code.
    Field(String),
    Question(TicketId),
}

impl Target {
    pub fn to_text(&self) -> String {
        match self {
            Self::Answer(id) => format!("answer:{id}"),
            Self::Field(code) => format!("field:{code}"),
            Self::Question(ticket_id) => format!("question:{ticket_id}"),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("answer", id) => Some(Self::Answer(id.to_owned())),
            ("field", code) => Some(Self::Field(code.to_owned())),
            ("question", id) => Some(Self::Question(TicketId(id.parse().ok()?))),
            _ => None,
        }
    }

    /// In words, for a mail.
    fn words(&self) -> &str {
        match self {
            Self::Answer(_) => "một câu trả lời / an answer",
            Self::Field(code) => code,
            Self::Question(_) => "một câu hỏi / a question",
        }
    }

    /// Its page within the site.
    fn path(&self) -> String {
        match self {
            Self::Answer(id) => format!("/thu-vien/{}", segment(id)),
            Self::Field(code) => format!("/thu-vien?linh-vuc={}", segment(code)),
            // Its own page has the code in its address, which is for its letters alone.
            Self::Question(_) => "/theo-doi".to_owned(),
        }
    }
}

/// One segment of a path, whatever the text.
fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

/// A mail to all subscribers of a target, in words that are public.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailing {
    /// Which template.
    pub code: String,
    /// The answer that it leads to; empty: the target's own page.
    pub passage_id: String,
    pub question: String,
    pub answer: String,
    pub reason: String,
}

/// The links of one subscription.
pub struct Links {
    pub confirm: String,
    pub stop: String,
}

/// Ready to be sent.
#[derive(Debug)]
pub struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Mailing {
    pub fn confirm() -> Self {
        Self { code: "confirm".to_owned(), ..Self::default() }
    }

    /// `None`: no template has its code.
    pub fn write(&self, target: &Target, site_url: &str, links: &Links) -> Option<Written> {
        let template = DATA.mailings.iter().find(|template| template.code == self.code)?;
        let path = match self.passage_id.as_str() {
            "" => target.path(),
            id => Target::Answer(id.to_owned()).path(),
        };
        let cut = |text: &str| text.chars().take(EXCERPT).collect::<String>();
        let (link, answer, question) = (format!("{site_url}{path}"), cut(&self.answer), cut(&self.question));
        let values = [
            ("what", target.words()),
            ("link", link.as_str()),
            ("confirm", &links.confirm),
            ("stop", &links.stop),
            ("question", &question),
            ("answer", &answer),
            ("reason", &self.reason),
        ];
        let text = format!("{}\n\n---\n\n{}\n", template.vi.trim(), template.en.trim());
        let text = notify::fill(&text, &values);
        Some(Written { subject: notify::fill(&template.subject, &values), html: notify::html(&text), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links { confirm: "https://hoi.vn/c".into(), stop: "https://hoi.vn/s".into() }
    }

    #[test]
    fn each_has_its_words_in_both_languages_and_a_way_out() {
        let codes = ["confirm", "new", "corrected", "withdrawn", "superseded"];
        assert_eq!(DATA.mailings.len(), codes.len());
        for code in codes {
            let mailing = Mailing { code: code.into(), reason: "{stop}".into(), ..Mailing::default() };
            let written =
                mailing.write(&Target::Field("dat-dai".into()), "https://hoi.vn", &links()).unwrap();
            let link = if code == "confirm" { "https://hoi.vn/c" } else { "https://hoi.vn/s" };
            assert_eq!(written.text.matches(link).count(), 2, "{written:?}");
            let open = written.text.replace("{stop}", "");
            assert!(!open.contains(['{', '}']) && !written.subject.contains('{'), "{written:?}");
        }
        let unknown = Mailing { code: "song".into(), ..Mailing::default() };
        assert!(unknown.write(&Target::Answer("a".into()), "https://hoi.vn", &links()).is_none());
    }

    #[test]
    fn a_target_reads_back_and_leads_to_its_page() {
        let question = Target::Question(TicketId(uuid::Uuid::from_u128(7)));
        for target in [Target::Answer("ticket:a:b".into()), Target::Field("dat-dai".into()), question] {
            assert_eq!(Target::parse(&target.to_text()), Some(target));
        }
        assert_eq!(Target::parse("song:x"), None);
        assert_eq!(Target::Answer("ticket:a/b".into()).path(), "/thu-vien/ticket%3Aa%2Fb");
    }
}
