use api::knowledge::v1::{
    AnswerCorrected, AnswerSuperseded, AnswerValidityChanged, AnswerWithdrawn, ReviewOpened,
};
use chrono::{DateTime, Utc};

use super::{Fact, Malformed, Readable, Reading, fact};

macro_rules! readable {
    ($($event:ty, $at:ident);+ $(;)?) => {
        $(impl Readable for $event {
            fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
                let at = api::time(self.$at.as_ref()).unwrap_or(stated_at);
                Ok(Reading { fact: fact(self, at, &self.field, &self.unit)?, ticket: None })
            }
        })+
    };
}

readable! {
    AnswerCorrected, corrected_at;
    AnswerWithdrawn, withdrawn_at;
    AnswerSuperseded, superseded_at;
    AnswerValidityChanged, changed_at;
}

impl Readable for ReviewOpened {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.opened_at.as_ref()).unwrap_or(stated_at);
        let reason = Some(self.reason().as_str_name());
        let fact = Fact { reason, ..fact(self, at, &self.field, &self.unit)? };
        Ok(Reading { fact, ticket: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_is_kept_without_its_words() {
        let corrected = AnswerCorrected {
            ticket_id: "01900000-0000-7000-8000-000000000001".into(),
            version: 3,
            text: "lời mới".into(),
            reason: "lý do".into(),
            unit: "vu-phap-che".into(),
            ..AnswerCorrected::default()
        };
        let reading = corrected.read(DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((reading.fact.unit.as_str(), reading.ticket.is_none()), ("vu-phap-che", true));
        let told = format!("{:?}", reading.fact);
        assert!(!told.contains("lời") && !told.contains("lý do"), "{told}");
    }
}
