//! SQL of `answering.family_member` and `answering.family_trace`.
//!
//! Who writes a member's row holds the member's answer; who adds one holds the centre's too. Only the
//! centre's end marks rows while holding the centre alone. Nobody takes an answer after a row here.

use std::collections::{HashMap, HashSet};

use api::{TicketId, answering::v1::FamilyReason};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::family::{Ending, Likeness, Membership, Relative};

struct Row {
    ticket_id: Uuid,
    centre_id: Uuid,
    probability: f64,
    exact: bool,
    reasons: Vec<String>,
    joined_by: Option<String>,
    joined_at: DateTime<Utc>,
    ending: Option<String>,
    ending_version: Option<i32>,
    ended_by: Option<String>,
}

impl From<Row> for Membership {
    fn from(row: Row) -> Self {
        let ending = row.ending.map(|ending| match ending.as_str() {
            "answered" => Ending::Answered {
                version: row.ending_version.and_then(|version| version.try_into().ok()).unwrap_or_default(),
                by: row.ended_by.unwrap_or_default(),
            },
            _ => Ending::Left,
        });
        Self {
            ticket_id: TicketId(row.ticket_id),
            centre_id: TicketId(row.centre_id),
            likeness: Likeness { probability: row.probability, exact: row.exact, reasons: row.reasons },
            joined_by: row.joined_by,
            joined_at: row.joined_at,
            ending,
        }
    }
}

async fn memberships(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<TicketId, Membership>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select ticket_id, centre_id, probability, exact, reasons, joined_by, joined_at, ending, ending_version,
                ended_by
         from answering.family_member where ticket_id = any($1)",
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (TicketId(row.ticket_id), row.into())).collect())
}

/// The membership of a question.
pub async fn find_membership(
    conn: &mut PgConnection,
    ticket_id: TicketId,
) -> Result<Option<Membership>, sqlx::Error> {
    Ok(memberships(conn, &[ticket_id.0]).await?.remove(&ticket_id))
}

/// Locks these questions and the centres of those that are members, and says how each stands.
/// Unknown ones are left out.
pub async fn lock_relatives(
    conn: &mut PgConnection,
    ids: &[TicketId],
) -> Result<HashMap<TicketId, Relative>, sqlx::Error> {
    let mut ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let centres: Vec<Uuid> = memberships(conn, &ids).await?.values().map(|of| of.centre_id.0).collect();
    ids.extend(centres);
    let answers = super::lock_answers(conn, &ids).await?;
    // Looked at again, now that it stays.
    let mut memberships = memberships(conn, &ids).await?;
    let relative = |answer: crate::answer::Answer| {
        let ticket_id = answer.ticket_id;
        let membership = memberships.remove(&ticket_id);
        (ticket_id, Relative { answer, membership })
    };
    Ok(answers.into_iter().map(relative).collect())
}

/// Locks a centre and all that wait with it, in the one order; who joins meanwhile waits for the centre.
pub async fn lock_family(
    conn: &mut PgConnection,
    centre_id: TicketId,
    limit: i64,
) -> Result<(), sqlx::Error> {
    let mut ids = sqlx::query_scalar!(
        "select ticket_id from answering.family_member where centre_id = $1 and ending is null limit $2",
        centre_id.0,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    ids.push(centre_id.0);
    super::lock_answers(conn, &ids).await?;
    Ok(())
}

/// Adds a member.
pub async fn insert(conn: &mut PgConnection, membership: &Membership) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.family_member
             (ticket_id, centre_id, probability, exact, reasons, joined_by, joined_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        membership.ticket_id.0,
        membership.centre_id.0,
        membership.likeness.probability,
        membership.likeness.exact,
        &membership.likeness.reasons,
        membership.joined_by.as_deref(),
        membership.joined_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a member out of its family.
pub async fn take(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Option<Membership>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "delete from answering.family_member where ticket_id = $1
         returning ticket_id, centre_id, probability, exact, reasons, joined_by, joined_at, ending,
                   ending_version, ended_by",
        ticket_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Into::into))
}

/// Marks all members of a centre whose wait has ended: they follow from the mark.
pub async fn end(conn: &mut PgConnection, centre_id: TicketId, ending: &Ending) -> Result<(), sqlx::Error> {
    let (name, version, by) = match ending {
        Ending::Answered { version, by } => ("answered", i32::try_from(*version).ok(), Some(by.as_str())),
        Ending::Left => ("left", None, None),
    };
    sqlx::query!(
        "update answering.family_member set ending = $2, ending_version = $3, ended_by = $4
         where centre_id = $1 and ending is null",
        centre_id.0,
        name,
        version,
        by,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Some of the members that the centre's approval of that version answers.
pub async fn to_answer(
    conn: &mut PgConnection,
    centre_id: TicketId,
    version: u32,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select ticket_id from answering.family_member
         where centre_id = $1 and ending = 'answered' and ending_version = $2 order by ticket_id limit $3",
        centre_id.0,
        i32::try_from(version).unwrap_or(i32::MAX),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Some of the members whose centre has left.
pub async fn to_release(
    conn: &mut PgConnection,
    centre_id: TicketId,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select ticket_id from answering.family_member
         where centre_id = $1 and ending = 'left' order by ticket_id limit $2",
        centre_id.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Sets the earliest deadline of a locked centre's members.
pub async fn refresh_urgency(conn: &mut PgConnection, centre_id: TicketId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update answering.answer set family_due_at =
             (select min(member.due_at) from answering.family_member f
              join answering.answer member on member.ticket_id = f.ticket_id
              where f.centre_id = $1 and f.ending is null)
         where ticket_id = $1",
        centre_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A member as the officer sees it.
pub struct Member {
    pub membership: Membership,
    pub version: u32,
    pub text: String,
    /// RFC 3339.
    pub asked_at: String,
    pub due_at: DateTime<Utc>,
}

/// The members that wait with a centre, the earliest deadline first.
pub async fn members(
    conn: &mut PgConnection,
    centre_id: TicketId,
    limit: i64,
) -> Result<Vec<Member>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select f.ticket_id, centre_id, probability, exact, reasons, joined_by, joined_at, version, due_at,
                  question ->> 'text' as "text!", question ->> 'submittedAt' as asked_at
           from answering.family_member f join answering.answer a on a.ticket_id = f.ticket_id
           where centre_id = $1 and ending is null order by due_at, f.ticket_id limit $2"#,
        centre_id.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let members = rows.into_iter().map(|row| Member {
        membership: Membership {
            ticket_id: TicketId(row.ticket_id),
            centre_id: TicketId(row.centre_id),
            likeness: Likeness { probability: row.probability, exact: row.exact, reasons: row.reasons },
            joined_by: row.joined_by,
            joined_at: row.joined_at,
            ending: None,
        },
        version: row.version.unsigned_abs(),
        text: row.text,
        asked_at: row.asked_at.unwrap_or_default(),
        due_at: row.due_at,
    });
    Ok(members.collect())
}

/// How many wait with a centre.
pub async fn size(conn: &mut PgConnection, centre_id: TicketId) -> Result<u32, sqlx::Error> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from answering.family_member where centre_id = $1 and ending is null"#,
        centre_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The fields of those who wait with a centre.
pub async fn fields(conn: &mut PgConnection, centre_id: TicketId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select distinct a.field from answering.family_member f join answering.answer a on a.ticket_id = f.ticket_id
         where f.centre_id = $1 and f.ending is null",
        centre_id.0,
    )
    .fetch_all(conn)
    .await
}

/// What happened to a member.
pub struct Trace<'a> {
    pub membership: &'a Membership,
    /// `joined`, `left` or `answered`.
    pub what: &'static str,
    pub reason: FamilyReason,
    /// The officer; `None`: by itself.
    pub by: Option<&'a str>,
    /// The officer's reason.
    pub note: &'a str,
    pub at: DateTime<Utc>,
}

pub async fn keep_trace(conn: &mut PgConnection, trace: &Trace<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.family_trace
             (ticket_id, centre_id, what, reason, done_by, note, probability, exact, at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        trace.membership.ticket_id.0,
        trace.membership.centre_id.0,
        trace.what,
        trace.reason.as_str_name(),
        trace.by,
        trace.note,
        trace.membership.likeness.probability,
        trace.membership.likeness.exact,
        trace.at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of these questions an officer took away from which centres, and nobody has joined to them since.
pub async fn separated(
    conn: &mut PgConnection,
    tickets: &[TicketId],
) -> Result<HashSet<(TicketId, TicketId)>, sqlx::Error> {
    let tickets: Vec<Uuid> = tickets.iter().map(|id| id.0).collect();
    let last = sqlx::query!(
        "select distinct on (ticket_id, centre_id) ticket_id, centre_id, what, reason
         from answering.family_trace where ticket_id = any($1) order by ticket_id, centre_id, seq desc",
        &tickets,
    )
    .fetch_all(conn)
    .await?;
    let apart = last
        .into_iter()
        .filter(|last| last.what == "left" && last.reason == FamilyReason::Officer.as_str_name())
        .map(|last| (TicketId(last.ticket_id), TicketId(last.centre_id)));
    Ok(apart.collect())
}
