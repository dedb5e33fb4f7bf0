//! What was typed into a form of a page, kept when it is refused.

use crate::{fields::Fields, problem::Problem};

/// One of a page's forms as it was filled in.
#[derive(Default)]
pub(super) struct Filled {
    form: &'static str,
    fields: Fields,
}

impl Filled {
    /// `form` is the last part of its address.
    pub fn new(form: &'static str, fields: Fields) -> Self {
        Self { form, fields }
    }

    pub fn is(&self, form: &str) -> bool {
        self.form == form
    }

    /// What the field of that form held; empty: it is another form that was filled in.
    pub fn of(&self, form: &str, name: &str) -> String {
        if self.is(form) { self.fields.text(name) } else { String::new() }
    }

    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The id of the element that a refusal's field is on the page; empty: it names none that the form has.
    pub fn element(&self, field: Option<&str>) -> &'static str {
        match (self.form, field.unwrap_or_default()) {
            ("" | "dinh-chinh", "text") => "text",
            ("dinh-chinh", "reason") => "why1",
            ("hieu-luc", "validFrom") => "from",
            ("hieu-luc", "validUntil") => "until",
            ("hieu-luc", "basis") => "basis",
            ("hieu-luc", "reason") => "why2",
            ("thay-the", "byId") => "by",
            ("thay-the", "reason") => "why3",
            ("thu-hoi", "reason") => "why4",
            ("tam-dung", "waitsFor") => "waits_for",
            ("tam-dung", "reason") => "pause_reason",
            ("gia-han", "number") => "number",
            ("gia-han", "reason") => "extension_reason",
            ("gia-han", "approver") => "approver",
            ("phoi-hop", "unit") => "co-unit",
            ("phoi-hop", "request") => "request",
            ("phoi-hop", "dueAt") => "co-due",
            ("chuyen-tiep", "unit") => "forward-unit",
            ("chuyen-tiep", "reason") => "forward-reason",
            ("tra-lai", "reason") => "reason",
            ("tra-lai", "suggestedUnit") => "suggested",
            ("tra-lai", "noOwnerReason") => "no-owner",
            ("yeu-cau-sua", "comment") => "comment",
            ("gop", "memberTicketId") => "member",
            ("chuyen", "unit") => "unit",
            _ => "",
        }
    }

    /// What would be lost, where the page has no such form any more.
    pub fn words(&self) -> Vec<String> {
        if self.form.is_empty() {
            return Vec::new();
        }
        let words = ["text", "reason", "request", "comment"].map(|name| self.fields.text(name));
        words.into_iter().filter(|words| !words.trim().is_empty()).collect()
    }
}

/// What an officer typed on a question's page.
#[derive(Default)]
pub(super) struct Typed {
    pub text: Option<String>,
    /// The text is not the draft's: it is lost if the page is left.
    pub unsent: bool,
    pub cited: Vec<String>,
    /// The draft was said to answer another question.
    pub rejected: bool,
    /// Who of the family gets the answer; `None`: that was not asked.
    pub members: Option<Vec<String>>,
    /// The version with which the page was opened: what happened since is told. 0: it is opened now.
    pub seen: u32,
    /// Another form than the reply's own.
    pub filled: Filled,
}

impl Typed {
    pub fn of_form(form: &'static str, fields: Fields) -> Self {
        Self { filled: Filled::new(form, fields), ..Self::default() }
    }

    /// Of the reply's own form.
    pub fn of_reply(fields: &Fields) -> Result<Self, Problem> {
        let chosen = !fields.text("choose").is_empty();
        Ok(Self {
            text: Some(fields.text("text")),
            unsent: false,
            cited: fields.all("source"),
            rejected: !fields.text("draft_rejected").is_empty(),
            members: chosen.then(|| fields.all("member")),
            seen: fields.number("version")?,
            filled: Filled::default(),
        })
    }

    /// What would be lost, where nothing can be replied any more.
    pub fn words(&self) -> Vec<String> {
        let text = self.text.iter().filter(|text| !text.trim().is_empty()).cloned();
        text.chain(self.filled.words()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_to_itself_what_was_typed_into_it() {
        let fields = Fields::parse(b"reason=Sai&text=&version=3").unwrap();
        let filled = Filled::new("thu-hoi", fields);
        assert!(filled.is("thu-hoi") && !filled.is("dinh-chinh") && !Filled::default().is("thu-hoi"));
        assert_eq!(
            (filled.of("thu-hoi", "reason").as_str(), filled.of("dinh-chinh", "reason").as_str()),
            ("Sai", "")
        );
        assert_eq!(filled.words(), ["Sai"]);
        assert_eq!((filled.element(Some("reason")), filled.element(None)), ("why4", ""));
        assert!(Filled::new("", Fields::parse(b"text=a").unwrap()).words().is_empty(), "no form was sent");
    }

    #[test]
    fn a_reply_keeps_all_that_its_form_holds() {
        let fields = Fields::parse(b"text=a&source=b&draft_rejected=1&choose=1&member=c&version=2").unwrap();
        let typed = Typed::of_reply(&fields).unwrap();
        assert!(typed.rejected);
        assert_eq!((typed.words(), typed.cited, typed.seen), (vec!["a".to_owned()], vec!["b".to_owned()], 2));
        assert_eq!(typed.members, Some(vec!["c".to_owned()]));
    }
}
