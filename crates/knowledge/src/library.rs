//! The public library of published answers.

use chrono::{DateTime, Utc};
use runtime::Refusal;

use crate::{
    editing::{Page, page_of, truncate},
    service::Knowledge,
    storage::{self, life::Shown},
};

/// Characters of a page token, at most: a moment and an id.
const TOKEN_MAX: usize = 240;

/// A page of the library, and how many answers each field has.
pub struct Library {
    pub page: Page<Shown>,
    pub fields: Vec<(String, i64)>,
}

impl Knowledge {
    /// Answers that hold now, the newest first.
    pub async fn list_published(&self, field: &str, after: &str, limit: u32) -> Result<Library, Refusal> {
        let (limit, after) = (page_of(limit)?, place(after)?);
        let field = Some(field.trim()).filter(|field| !field.is_empty());
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
        let ids = storage::library::page(&mut conn, field, after, now, limit + 1).await?;
        let mut items = storage::life::shown(&mut conn, &ids, now).await?;
        items.sort_by_cached_key(|shown| ids.iter().position(|id| *id == shown.kept.passage.id));
        let fields = storage::library::fields(&mut conn, now).await?;
        Ok(Library { page: Page { more: truncate(&mut items, limit), items }, fields })
    }

    /// Which state the library is in, and when the next validity begins or ends.
    pub async fn library_version(&self) -> Result<(u64, Option<DateTime<Utc>>), Refusal> {
        let mut conn = self.pool.acquire().await?;
        let (version, changes_at) = storage::library::version(&mut conn, self.clock.now()).await?;
        Ok((version.unsigned_abs(), changes_at))
    }

    /// One answer; of a copy the origin. What has ended is shown as such.
    pub async fn get_published(&self, id: &str) -> Result<Shown, Refusal> {
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        let mut wanted = id.to_owned();
        // A copy's origin is no copy.
        for _ in 0..2 {
            let found = storage::life::shown(&mut conn, std::slice::from_ref(&wanted), now).await?.pop();
            let found =
                found.ok_or_else(|| Refusal::not_found("PASSAGE_NOT_FOUND", "there is no such answer"))?;
            match &found.kept.copy_of {
                Some(origin) => wanted.clone_from(origin),
                None => return Ok(found),
            }
        }
        Err(Refusal::not_found("PASSAGE_NOT_FOUND", "there is no such answer"))
    }
}

/// Where the page after this answer begins.
pub fn token(last: &Shown) -> String {
    format!("{}~{}", last.updated_at.timestamp_micros(), last.kept.passage.id)
}

fn place(token: &str) -> Result<Option<(DateTime<Utc>, String)>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let parts = token.split_once('~').filter(|_| token.chars().count() <= TOKEN_MAX);
    let place =
        parts.and_then(|(at, id)| Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, id.to_owned())));
    let message = "pageToken is not one that was given out";
    place.map(Some).ok_or_else(|| Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_moment_and_an_id() {
        let (at, id) = place("1700000000000000~a~b").unwrap().unwrap();
        assert_eq!((at.timestamp(), id.as_str()), (1_700_000_000, "a~b"));
        assert!(place("").unwrap().is_none());
        for wrong in ["a", "x~y", "99999999999999999999~y"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
