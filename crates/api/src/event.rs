//! One name per fact: the proto's full name is the Rust type, the `ce-type` and the subject's tail.

use serde::{Serialize, de::DeserializeOwned};

use crate::{answering, intake, knowledge, routing};

/// A fact that one service states and others hear.
pub trait Event: prost::Name + Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The ticket it speaks of: the `ce-subject`.
    fn ticket_id(&self) -> &str;

    /// Grows with every fact of a ticket; hearers drop older ones.
    fn version(&self) -> u32;

    /// The fact's name, like `intake.v1.QuestionSubmitted`: the `ce-type`.
    fn event_name() -> String {
        let full = Self::full_name();
        full.strip_prefix("motcua.").unwrap_or(&full).to_owned()
    }

    /// Where it is published, like `evt.intake.v1.QuestionSubmitted`.
    fn subject() -> String {
        format!("evt.{}", Self::event_name())
    }
}

macro_rules! events {
    ($($event:ty),+ $(,)?) => {
        $(impl Event for $event {
            fn ticket_id(&self) -> &str {
                &self.ticket_id
            }
            fn version(&self) -> u32 {
                self.version
            }
        })+

        /// The names of all events, for those who hear every one.
        pub const ALL_EVENTS: &[fn() -> String] = &[$(<$event as Event>::event_name),+];
    };
}

events!(
    intake::v1::QuestionSubmitted,
    intake::v1::AnswerRated,
    intake::v1::QuestionReopened,
    intake::v1::QuestionAmended,
    intake::v1::QuestionWithdrawn,
    intake::v1::AskerReplied,
    routing::v1::QuestionRouted,
    answering::v1::AnswerDrafted,
    answering::v1::AnswerApproved,
    answering::v1::QuestionReturned,
    knowledge::v1::AnswerCorrected,
    knowledge::v1::AnswerWithdrawn,
    knowledge::v1::AnswerSuperseded,
    knowledge::v1::AnswerValidityChanged,
    knowledge::v1::ReviewOpened,
    knowledge::v1::QuestionsAlike,
    answering::v1::FamilyJoined,
    answering::v1::FamilyLeft,
    routing::v1::DeadlineChanged,
    routing::v1::DeadlineReached,
    routing::v1::OrganisationChanged,
    answering::v1::CoAnswerChanged,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_the_proto_name() {
        assert_eq!(intake::v1::QuestionSubmitted::subject(), "evt.intake.v1.QuestionSubmitted");
    }

    #[test]
    fn an_event_reads_as_canonical_json() {
        let event = intake::v1::QuestionSubmitted {
            ticket_id: "t".into(),
            version: 1,
            question: Some(intake::v1::Question {
                kind: intake::v1::Kind::Report.into(),
                text: "cột đèn hỏng".into(),
                submitted_at: Some(crate::timestamp(chrono::DateTime::UNIX_EPOCH)),
                ..Default::default()
            }),
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "ticketId": "t",
                "version": 1,
                "question": {
                    "kind": "KIND_REPORT",
                    "text": "cột đèn hỏng",
                    "field": "",
                    "submittedAt": "1970-01-01T00:00:00+00:00",
                    "followUps": [],
                    "revision": 0,
                    "assurance": "ASSURANCE_UNSPECIFIED",
                },
            })
        );
        let back: intake::v1::QuestionSubmitted = serde_json::from_value(json).unwrap();
        assert_eq!(back, event);
    }
}
