//! What an officer typed into a form of a question's page, kept when it is refused.

use crate::{fields::Fields, problem::Problem};

#[derive(Default)]
pub(super) struct Typed {
    pub text: Option<String>,
    pub cited: Vec<String>,
    /// Who of the family gets the answer; `None`: that was not asked.
    pub members: Option<Vec<String>>,
    /// The version with which the page was opened: what happened since is told. 0: it is opened now.
    pub seen: u32,
    /// Of a return, and why no better owner is known.
    pub reason: String,
    pub no_owner: String,
    /// Of a pause or an extension, and who approved this.
    pub clock_reason: String,
    pub approver: String,
    /// Of a hand-on.
    pub forward_reason: String,
    /// Of a unit for its part.
    pub request: String,
    /// On what was submitted for review.
    pub comment: String,
}

impl Typed {
    pub fn of_clock(reason: String, approver: String) -> Self {
        Self { clock_reason: reason, approver, ..Self::default() }
    }

    /// Of the reply's own form.
    pub fn of_reply(fields: &Fields) -> Result<Self, Problem> {
        let chosen = !fields.text("choose").is_empty();
        Ok(Self {
            text: Some(fields.text("text")),
            cited: fields.all("source"),
            members: chosen.then(|| fields.all("member")),
            seen: fields.number("version")?,
            ..Self::default()
        })
    }
}
