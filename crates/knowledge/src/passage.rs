//! A passage: one published question with its answer.

use sha2::{Digest as _, Sha256};

/// Characters, at most.
pub const ID_MAX: usize = 200;
pub const QUESTION_MAX: usize = 5_000;
pub const ANSWER_MAX: usize = 20_000;
pub const LABEL_MAX: usize = 300;

/// Ids of passages made from the platform's own answers begin so; nobody else may use it.
const TICKET: &str = "ticket:";
/// Of those that came from another platform's own answers.
const IMPORTED: &str = "imported:";

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passage {
    pub id: String,
    pub question: String,
    pub answer: String,
    /// A code of the organisation registry, or empty.
    pub field: String,
    pub unit: String,
    /// The collection or document it came from.
    pub source: String,
}

/// Why a passage is not stored, in Vietnamese for whoever imports it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("{0} trống")]
    Empty(&'static str),
    #[error("{0} dài quá {1} ký tự")]
    TooLong(&'static str, usize),
    #[error("{0} có ký tự NUL")]
    Nul(&'static str),
    #[error("câu trả lời của hệ thống chỉ được đính chính, không nhập đè")]
    Own,
    #[error("mã bị lặp trong cùng một lô")]
    Repeated,
    #[error("câu trả lời đã bị thu hồi hoặc thay thế")]
    Ended,
}

impl Passage {
    /// The id of the passage made from a ticket's answer.
    pub fn id_of_ticket(ticket_id: &str) -> String {
        format!("{TICKET}{ticket_id}")
    }

    /// The ticket whose answer it is; `None`: it came from outside.
    pub fn ticket_id(&self) -> Option<&str> {
        self.id.strip_prefix(TICKET)
    }

    /// The id it gets here if it is a ticket's answer of another platform.
    pub fn id_from_elsewhere(&self) -> Option<String> {
        self.ticket_id().map(|id| format!("{IMPORTED}{id}"))
    }

    /// Trims every part and checks its limits.
    pub fn checked(self) -> Result<Self, Invalid> {
        Ok(Self {
            id: required("mã", &self.id, ID_MAX)?,
            question: required("câu hỏi", &self.question, QUESTION_MAX)?,
            answer: required("câu trả lời", &self.answer, ANSWER_MAX)?,
            field: bounded("lĩnh vực", &self.field, LABEL_MAX)?,
            unit: bounded("đơn vị", &self.unit, LABEL_MAX)?,
            source: bounded("nguồn", &self.source, LABEL_MAX)?,
        })
    }

    /// The same content has the same hash, whatever its id.
    pub fn content_hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        for part in [&self.question, &self.answer, &self.field, &self.unit, &self.source] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().to_vec()
    }
}

fn required(name: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    let text = bounded(name, text, max)?;
    if text.is_empty() { Err(Invalid::Empty(name)) } else { Ok(text) }
}

fn bounded(name: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.contains('\0') {
        return Err(Invalid::Nul(name)); // PostgreSQL cannot store it
    }
    if text.chars().count() > max {
        return Err(Invalid::TooLong(name, max));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage() -> Passage {
        Passage { id: " a ".into(), question: "Hỏi?".into(), answer: "Đáp.".into(), ..Passage::default() }
    }

    #[test]
    fn parts_are_trimmed_and_limited() {
        assert_eq!(passage().checked().unwrap().id, "a");
        let bad = [
            (Passage { question: "  ".into(), ..passage() }, Invalid::Empty("câu hỏi")),
            (Passage { answer: "x".repeat(20_001), ..passage() }, Invalid::TooLong("câu trả lời", 20_000)),
            (Passage { unit: "a\0".into(), ..passage() }, Invalid::Nul("đơn vị")),
        ];
        for (passage, reason) in bad {
            assert_eq!(passage.checked(), Err(reason));
        }
    }

    #[test]
    fn another_platforms_answers_are_not_taken_for_tickets_of_this_one() {
        let own = Passage { id: Passage::id_of_ticket("1"), ..passage() };
        assert_eq!(own.id_from_elsewhere().as_deref(), Some("imported:1"));
        assert_eq!(passage().id_from_elsewhere(), None);
    }

    #[test]
    fn parts_do_not_run_into_each_other_in_the_hash() {
        let one = Passage { question: "ab".into(), answer: "c".into(), ..Passage::default() };
        let other = Passage { question: "a".into(), answer: "bc".into(), ..Passage::default() };
        assert_ne!(one.content_hash(), other.content_hash());
    }
}
