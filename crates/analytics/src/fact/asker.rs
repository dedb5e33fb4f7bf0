use api::intake::v1::{AskerReplied, QuestionAmended, QuestionWithdrawn};
use chrono::{DateTime, Utc};

use super::{Asked, Fact, Malformed, Readable, Reading, fact};
use crate::ticket::{Standing, Ticket};

impl Readable for QuestionAmended {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let asked = Asked::read(self.question.as_ref())?;
        let at = api::time(self.amended_at.as_ref()).unwrap_or(stated_at);
        let fact = Fact { kind: Some(asked.kind), ..fact(self, at, &self.field, &self.unit)? };
        let standing = Standing {
            round: asked.round,
            revision: asked.revision,
            version: self.version,
            unit: self.unit.clone(),
            field: self.field.clone(),
            ..Standing::default()
        };
        Ok(Reading { fact, ticket: Some(Ticket { standing, ..Ticket::asked(asked.at) }) })
    }
}

impl Readable for QuestionWithdrawn {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let asked = Asked::read(self.question.as_ref())?;
        let at = api::time(self.withdrawn_at.as_ref()).unwrap_or(stated_at);
        let fact = Fact { kind: Some(asked.kind), ..fact(self, at, &self.field, &self.unit)? };
        let standing = Standing {
            round: asked.round,
            revision: asked.revision,
            withdrawn_at: Some(at),
            version: self.version,
            unit: self.unit.clone(),
            field: self.field.clone(),
            ..Standing::default()
        };
        Ok(Reading { fact, ticket: Some(Ticket { standing, ..Ticket::asked(asked.at) }) })
    }
}

impl Readable for AskerReplied {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.replied_at.as_ref()).unwrap_or(stated_at);
        Ok(Reading { fact: fact(self, at, &self.field, &self.unit)?, ticket: None })
    }
}
