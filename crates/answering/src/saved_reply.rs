//! Replies that a unit writes again and again. Pure.

use chrono::{DateTime, Utc};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedReply {
    pub id: Uuid,
    pub unit: String,
    pub title: String,
    pub text: String,
    pub version: u32,
    pub changed_by: String,
    pub changed_at: DateTime<Utc>,
    pub deleted: bool,
}

/// Why one could not be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The version it has now.
    Stale(u32),
    Deleted,
    /// The id is another one's.
    Taken,
}

/// What an officer writes.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub title: String,
    pub text: String,
    /// 0: it is new.
    pub seen: u32,
    pub by: String,
    pub at: DateTime<Utc>,
}

impl SavedReply {
    pub fn new(id: Uuid, unit: String, wanted: Wanted) -> Self {
        let Wanted { title, text, by, at, .. } = wanted;
        Self { id, unit, title, text, version: 1, changed_by: by, changed_at: at, deleted: false }
    }

    /// `None`: it says that already.
    pub fn change(mut self, wanted: Wanted) -> Result<Option<Self>, Refused> {
        if self.deleted {
            return Err(Refused::Deleted);
        }
        if self.title == wanted.title && self.text == wanted.text {
            return Ok(None);
        }
        match wanted.seen {
            0 => return Err(Refused::Taken),
            seen if seen != self.version => return Err(Refused::Stale(self.version)),
            _ => {}
        }
        self.title = wanted.title;
        self.text = wanted.text;
        self.changed_by = wanted.by;
        self.changed_at = wanted.at;
        self.version += 1;
        Ok(Some(self))
    }

    /// `None`: it was deleted before.
    pub fn delete(mut self, seen: u32, by: &str, at: DateTime<Utc>) -> Result<Option<Self>, Refused> {
        if self.deleted {
            return Ok(None);
        }
        if seen != self.version {
            return Err(Refused::Stale(self.version));
        }
        by.clone_into(&mut self.changed_by);
        self.changed_at = at;
        self.version += 1;
        self.deleted = true;
        Ok(Some(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str, seen: u32) -> Wanted {
        Wanted { title: "Chào".into(), text: text.into(), seen, by: "an".into(), at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn it_changes_in_the_version_that_was_seen_and_a_repeat_changes_nothing() {
        let first = SavedReply::new(Uuid::nil(), "a".into(), wanted("một", 0));
        assert_eq!(first.clone().change(wanted("một", 0)), Ok(None), "made again");
        assert_eq!(first.clone().change(wanted("hai", 0)), Err(Refused::Taken));
        let second = first.clone().change(wanted("hai", 1)).unwrap().unwrap();
        assert_eq!((second.version, second.text.as_str()), (2, "hai"));
        assert_eq!(second.clone().change(wanted("hai", 1)), Ok(None));
        assert_eq!(second.clone().change(wanted("ba", 1)), Err(Refused::Stale(2)));
        assert_eq!(second.clone().delete(1, "an", DateTime::UNIX_EPOCH), Err(Refused::Stale(2)));
        let gone = second.delete(2, "an", DateTime::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!(gone.clone().delete(2, "an", DateTime::UNIX_EPOCH), Ok(None));
        assert_eq!(gone.change(wanted("ba", 3)), Err(Refused::Deleted));
    }
}
